"""Decisions about requests to models: when their providers are left alone."""

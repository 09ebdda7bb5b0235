"""Statements about who may ask the HTTP API."""

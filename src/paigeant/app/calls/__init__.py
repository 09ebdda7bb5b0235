"""Calls within steps: their costs, approvals and conversations, for the application."""

"""Statements of variables, values and branches."""

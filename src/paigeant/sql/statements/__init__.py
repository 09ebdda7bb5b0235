"""Statements, one file for each operation."""

"""Schemas of signed texts: fields, types and order."""

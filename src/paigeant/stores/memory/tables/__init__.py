"""Rows of tables that stand beside runs and hops."""

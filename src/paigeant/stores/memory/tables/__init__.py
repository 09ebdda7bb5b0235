"""Rows of hops, joins and runs in memory."""

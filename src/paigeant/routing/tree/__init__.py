"""Decisions about nodes with a child run: its begin, its end, and its compensation."""

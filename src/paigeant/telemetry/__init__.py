"""Logs, and what else watches: hooks, of which nothing else knows."""

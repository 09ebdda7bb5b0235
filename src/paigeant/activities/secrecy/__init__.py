"""Secrets that a step holds, and their removal from stored and logged texts."""

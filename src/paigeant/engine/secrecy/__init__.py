"""Secrets in data: sealed at their origin, and opened only for steps that may read them."""

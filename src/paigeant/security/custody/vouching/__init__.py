"""Vouching: keys that a configured key has signed, with permissions and an expiry."""

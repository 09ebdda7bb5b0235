"""Vouching: keys that count because a configured key has signed what they may do, and for how long."""

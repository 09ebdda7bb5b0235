"""Stores: durable state of runs, and its protocol. One module a database; none knows another."""

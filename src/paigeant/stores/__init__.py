"""Stores: what remembers runs and decides. One package a database; none knows another."""

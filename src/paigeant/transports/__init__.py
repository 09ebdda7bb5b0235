"""Transports: one file a broker; none knows another."""

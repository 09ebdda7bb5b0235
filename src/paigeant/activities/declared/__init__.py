"""Declarations: options of activities, and of activities that are agents."""

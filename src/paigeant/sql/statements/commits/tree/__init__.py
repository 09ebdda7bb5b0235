"""Statements of child runs, forks, adoption and ends."""

"""Drawings that the server makes as SVG: timelines of runs, and ends of runs by minute."""

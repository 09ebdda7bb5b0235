"""Upkeep by every worker in addition to its steps: announce, end runs, replay."""

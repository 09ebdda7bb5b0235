"""Servers of the drama's own: started in a temporary folder at odd ports, and hurt there."""

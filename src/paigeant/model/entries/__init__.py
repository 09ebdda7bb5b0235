"""Entries of an itinerary, one kind a file; ``kinds`` is the table of them."""

"""What an itinerary is made of, one kind of entry a file; ``kinds`` is the table of them."""

"""How a run is seen beyond what the store shows of it: what is ahead, and as a picture."""

"""Views of a run beyond those of the store: the itinerary ahead, and diagrams."""

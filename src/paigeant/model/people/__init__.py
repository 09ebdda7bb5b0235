"""People: questions to them, their answers and their deeds, as values."""

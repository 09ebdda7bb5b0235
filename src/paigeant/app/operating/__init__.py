"""What an operator asks and does: why a run stands where it stands, what needs a person, verbs for many runs."""

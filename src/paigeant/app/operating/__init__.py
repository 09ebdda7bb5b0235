"""Operations: explanations of runs, problems that need a person, bulk commands, deeds."""

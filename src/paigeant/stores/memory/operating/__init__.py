"""Operations of people on runs, in memory."""

"""What is wrong with what a user wrote, and what to do about it."""

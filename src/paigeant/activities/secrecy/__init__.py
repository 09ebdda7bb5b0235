"""What a step holds that only it may see: secrets, and how their text is kept out of what is kept and said."""

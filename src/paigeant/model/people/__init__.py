"""What people are asked, what they say, and what they do."""

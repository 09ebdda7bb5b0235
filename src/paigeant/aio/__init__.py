"""Small asyncio machinery, each piece once."""

"""How steps come in: from the store, from a broker, and what is refused."""

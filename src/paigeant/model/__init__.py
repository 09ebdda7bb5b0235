"""The nouns: frozen values without I/O. What travels, what is decided, and what a run looks like."""

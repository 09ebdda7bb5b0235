"""What the texts that are signed hold: which fields, of which types, in which order."""

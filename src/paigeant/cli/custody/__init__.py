"""``paigeant audit``, ``keys`` and ``identity``: verification, signing keys, and identities of runs."""

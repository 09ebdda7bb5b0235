"""``paigeant audit``, ``keys`` and ``identity``: what was signed, with which keys, and for whom runs act."""

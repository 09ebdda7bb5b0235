"""``paigeant audit`` and ``paigeant keys``: what was signed, and with which keys."""

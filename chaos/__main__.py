"""``python -m chaos``: run a drama, the self-test, or print the last figures."""

from __future__ import annotations

import sys

from chaos.program import main

if __name__ == "__main__":
    sys.exit(main())

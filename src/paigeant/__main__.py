"""``python -m paigeant``."""

from paigeant.cli import main

if __name__ == "__main__":
    main()

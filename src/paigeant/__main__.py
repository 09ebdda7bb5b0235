"""``python -m paigeant``."""

from paigeant_start import main

if __name__ == "__main__":
    main()

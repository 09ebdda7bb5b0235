"""For your tests: an app in memory whose time can be moved on, and whose workers die where you want them to.

It needs nothing but the package. The suites that check a backend are in :mod:`paigeant.testing.contracts`.
"""

from paigeant.testing.app import Environment, app
from paigeant.testing.crashes import CrashedRun
from paigeant.testing.waiting import eventually

__all__ = ["CrashedRun", "Environment", "app", "eventually"]

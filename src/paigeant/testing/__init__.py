"""Testing tools: an application in memory whose time can be moved on, and whose workers die at chosen points.

They need nothing but the package. The suites that check a backend are in :mod:`paigeant.testing.contracts`.
"""

from paigeant.testing.app import Environment, app
from paigeant.testing.crashes import CrashedRun
from paigeant.testing.waiting import eventually

__all__ = ["CrashedRun", "Environment", "app", "eventually"]

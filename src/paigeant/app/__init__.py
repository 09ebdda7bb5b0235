"""Composition root: the only place where parts are chosen and connected."""

from paigeant.app.blocking import SyncPaigeant, SyncRun
from paigeant.app.handlers import Handlers, load_handlers
from paigeant.app.paigeant import Paigeant
from paigeant.app.results import RunResult
from paigeant.app.run import Run
from paigeant.app.signals import Signal
from paigeant.app.upkeep.administration import Administration, Prunable
from paigeant.app.workflow import Workflow
from paigeant.engine.worker import ActivityWorker

__all__ = [
    "ActivityWorker",
    "Administration",
    "Handlers",
    "Paigeant",
    "Prunable",
    "Run",
    "RunResult",
    "Signal",
    "SyncPaigeant",
    "SyncRun",
    "Workflow",
    "load_handlers",
]

"""Composition root: the only place where parts are chosen and connected."""

from typing import TYPE_CHECKING

from paigeant.on_demand import on_demand

if TYPE_CHECKING:
    from paigeant.app.blocking import SyncPaigeant, SyncRun
    from paigeant.app.handlers import Handlers, load_handlers
    from paigeant.app.paigeant import Paigeant
    from paigeant.app.results import RunResult
    from paigeant.app.run import Run
    from paigeant.app.signals import Signal
    from paigeant.app.upkeep.administration import Administration, Prunable
    from paigeant.app.workflow import Workflow
    from paigeant.engine.worker import ActivityWorker
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "paigeant.app.blocking": "SyncPaigeant SyncRun",
            "paigeant.app.handlers": "Handlers load_handlers",
            "paigeant.app.paigeant": "Paigeant",
            "paigeant.app.results": "RunResult",
            "paigeant.app.run": "Run",
            "paigeant.app.signals": "Signal",
            "paigeant.app.upkeep.administration": "Administration Prunable",
            "paigeant.app.workflow": "Workflow",
            "paigeant.engine.worker": "ActivityWorker",
        },
    )

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

"""The composition root: the only place where parts are chosen and joined."""

from paigeant.app.paigeant import Paigeant
from paigeant.app.run import Run, RunResult
from paigeant.app.workflow import Workflow

__all__ = ["Paigeant", "Run", "RunResult", "Workflow"]

"""Paigeant: durable workflows of pydantic-ai agents and plain async functions, as routing slips over many processes."""

import paigeant_start as _start  # first: under `python -m paigeant` it handles Ctrl-C during the other imports

# isort: split
from typing import TYPE_CHECKING

from paigeant.errors import PaigeantError, RunFailed, Terminal
from paigeant.on_demand import on_demand

if TYPE_CHECKING:
    from paigeant.activities.context import ActivityContext
    from paigeant.activities.registry import ActivityRegistry, activity
    from paigeant.activities.secrecy.secret import Secret
    from paigeant.app import Paigeant, Run, RunResult, Signal, SyncPaigeant, SyncRun, Workflow
    from paigeant.engine.worker import ActivityWorker
    from paigeant.model.entries.agent_options import AgentOptions
    from paigeant.model.entries.for_each import ForEach
    from paigeant.model.entries.parallel import Parallel
    from paigeant.model.entries.sleep import Sleep
    from paigeant.model.entries.step import OnInterrupt, Step
    from paigeant.model.entries.sub_workflow import SubWorkflow
    from paigeant.model.entries.switch import Switch
    from paigeant.model.entries.wait import Wait
    from paigeant.model.message import PaigeantMessage, SecurityContext
    from paigeant.model.outcomes import Completed, Finished, Parked, Revised
    from paigeant.model.people.policy import ApprovalPolicy
    from paigeant.model.retry import RetryPolicy
    from paigeant.model.revision import RevisionPolicy
    from paigeant.model.routing_slip import RoutingSlip
    from paigeant.model.runs import RunStatus, StepStatus
    from paigeant.model.spending.budgets import Budget
    from paigeant.model.spending.prices import Price
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "paigeant.activities.context": "ActivityContext",
            "paigeant.activities.registry": "ActivityRegistry activity",
            "paigeant.activities.secrecy.secret": "Secret",
            "paigeant.app": "Paigeant Run RunResult Signal SyncPaigeant SyncRun Workflow",
            "paigeant.engine.worker": "ActivityWorker",
            "paigeant.model.entries.agent_options": "AgentOptions",
            "paigeant.model.entries.for_each": "ForEach",
            "paigeant.model.entries.parallel": "Parallel",
            "paigeant.model.entries.sleep": "Sleep",
            "paigeant.model.entries.step": "OnInterrupt Step",
            "paigeant.model.entries.sub_workflow": "SubWorkflow",
            "paigeant.model.entries.switch": "Switch",
            "paigeant.model.entries.wait": "Wait",
            "paigeant.model.message": "PaigeantMessage SecurityContext",
            "paigeant.model.outcomes": "Completed Finished Parked Revised",
            "paigeant.model.people.policy": "ApprovalPolicy",
            "paigeant.model.retry": "RetryPolicy",
            "paigeant.model.revision": "RevisionPolicy",
            "paigeant.model.routing_slip": "RoutingSlip",
            "paigeant.model.runs": "RunStatus StepStatus",
            "paigeant.model.spending.budgets": "Budget",
            "paigeant.model.spending.prices": "Price",
        },
    )

del _start

__version__ = "0.1.0"

__all__ = [
    "ActivityContext",
    "ActivityRegistry",
    "ActivityWorker",
    "AgentOptions",
    "ApprovalPolicy",
    "Budget",
    "Completed",
    "Finished",
    "ForEach",
    "OnInterrupt",
    "Paigeant",
    "PaigeantError",
    "PaigeantMessage",
    "Parallel",
    "Parked",
    "Price",
    "RetryPolicy",
    "Revised",
    "RevisionPolicy",
    "RoutingSlip",
    "Run",
    "RunFailed",
    "RunResult",
    "RunStatus",
    "Secret",
    "SecurityContext",
    "Signal",
    "Sleep",
    "Step",
    "StepStatus",
    "SubWorkflow",
    "Switch",
    "SyncPaigeant",
    "SyncRun",
    "Terminal",
    "Wait",
    "Workflow",
    "activity",
]

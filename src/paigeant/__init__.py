"""Paigeant: durable workflows of pydantic-ai agents and plain async functions, as routing slips over many processes."""

import paigeant_start as _start  # first: under `python -m paigeant` it handles Ctrl-C during the other imports
from paigeant.activities.context import ActivityContext
from paigeant.activities.registry import ActivityRegistry, activity
from paigeant.activities.secrecy.secret import Secret
from paigeant.app import Paigeant, Run, RunResult, Signal, SyncPaigeant, SyncRun, Workflow
from paigeant.engine.worker import ActivityWorker
from paigeant.errors import PaigeantError, RunFailed, Terminal
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

"""Names of attributes: those of OpenTelemetry's messaging conventions, and ours, in one place."""

from __future__ import annotations

from typing import Any, Final

from paigeant.model.hops import Leased
from paigeant.model.message import Headers

SYSTEM: Final = "messaging.system"
OPERATION: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
MESSAGE_ID: Final = "messaging.message.id"
CONVERSATION_ID: Final = "messaging.message.conversation_id"
WORKFLOW: Final = "gen_ai.workflow.name"
ERROR_TYPE: Final = "error.type"
RUN_STATUS: Final = "paigeant.run.status"
STEP_STATUS: Final = "paigeant.step.status"


def of_run(headers: Headers) -> dict[str, Any]:
    """Return what is said of a run."""
    return {
        SYSTEM: "paigeant",
        CONVERSATION_ID: str(headers.workflow_id),
        WORKFLOW: headers.workflow,
        "paigeant.correlation_id": headers.run.correlation,
    }


def of_step(leased: Leased) -> dict[str, Any]:
    """Return what is said of an execution of a step."""
    headers, grant = leased.message.headers, leased.grant
    return {
        **of_run(headers),
        OPERATION: "process",
        OPERATION_TYPE: "process",
        DESTINATION: grant.topic,
        MESSAGE_ID: grant.key.message_id,
        "paigeant.path": grant.key.path,
        "paigeant.position": grant.key.position,
        "paigeant.direction": str(headers.direction),
        "paigeant.attempt": grant.attempt,
        "paigeant.waited": grant.waited,
    }

"""Names of attributes: those of OpenTelemetry's messaging conventions, and our own."""

from __future__ import annotations

from collections.abc import Collection
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
CALL_KIND: Final = "paigeant.checkpoint.kind"
BATCH: Final = "messaging.batch.message_count"


def of_run(headers: Headers) -> dict[str, Any]:
    """Return the attributes of a run."""
    return {
        SYSTEM: "paigeant",
        CONVERSATION_ID: str(headers.workflow_id),
        WORKFLOW: headers.workflow,
        "paigeant.correlation_id": headers.run.correlation,
    }


def of_batch(operation: str, topics: Collection[str]) -> tuple[str, dict[str, Any]]:
    """Return the name and the attributes of a span of a batch of messages."""
    said: dict[str, Any] = {SYSTEM: "paigeant", OPERATION: operation, OPERATION_TYPE: operation, BATCH: len(topics)}
    different = set(topics)
    if len(different) > 1:
        return operation, said
    [topic] = different
    return f"{operation} {topic}", {**said, DESTINATION: topic}


def of_step(leased: Leased) -> dict[str, Any]:
    """Return the attributes of an execution of a step."""
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

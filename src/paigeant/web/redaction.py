"""Redaction for callers without the permission to see payloads, which are all values that user code writes.

Of inputs, outputs, variables, heartbeat details, reasons of parked steps and error messages they see types and sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar, cast

from paigeant.model.outcomes import AttemptError
from paigeant.model.people.approvals import Approval
from paigeant.model.people.deeds import DeedView
from paigeant.model.runs import NodeView, RunPage, RunStatus, RunSummary, RunView, StepView, WaitReason, kind_of_reason
from paigeant.model.stored.log_lines import LogLine
from paigeant.model.stored.overview import AttentionGroup, OpenCount
from paigeant.model.values.json_text import to_json
from paigeant.web.access import Identity

SummaryT = TypeVar("SummaryT", bound=RunSummary)
HopT = TypeVar("HopT", StepView, NodeView)

_OURS: Final = frozenset({*WaitReason, *RunStatus, "late", "dead letters"})
"""Reasons and causes that are never written by user code."""

_OF_PAYLOADS: Final = ("output", "exception", "traceback", "stack")
"""Fields of log lines with payloads."""


def shape_of(value: Any) -> Any:
    """Return the redacted form of a value: its type and size."""
    match value:
        case None:
            return None
        case dict():
            return f"an object of {len(cast('dict[Any, Any]', value))} fields, {len(to_json(value)):,} bytes"
        case list():
            return f"a list of {len(cast('list[Any]', value))}, {len(to_json(value)):,} bytes"
        case str():
            return f"a text of {len(value):,} characters"
        case _:
            return f"a {type(value).__name__}, {len(to_json(value)):,} bytes"


def reason_of(reason: str | None) -> str | None:
    """Return a reason without texts of steps or errors."""
    if reason in _OURS:
        return reason
    kind = kind_of_reason(reason)
    return shape_of(reason) if kind == WaitReason.PARKED else kind


def seen_by(view: RunView, identity: Identity) -> RunView:
    """Return the view for this caller, without runs of workflows that it may not see."""
    if identity.workflows:
        children = tuple(child for child in view.children if child.workflow in identity.workflows)
        seen = {child.workflow_id for child in children}
        nodes = tuple(node if node.child in seen else node.model_copy(update={"child": None}) for node in view.nodes)
        view = view.model_copy(update={"children": children, "nodes": nodes, "parent": None})
    if identity.payloads:
        return view
    update = {
        "input": shape_of(view.input),
        "output": shape_of(view.output),
        "variables": _shapes(view.variables),
        "steps": tuple(_step(step) for step in view.steps),
        "nodes": tuple(_hop(node) for node in view.nodes),
        "approvals": tuple(asked_of(each, identity) for each in view.approvals),
    }
    return _summary(view).model_copy(update=update)


def asked_of(approval: Approval, identity: Identity) -> Approval:
    """Return a question for this caller: without the permission for payloads, shapes of its contents."""
    if identity.payloads:
        return approval
    hidden = {name: shape_of(getattr(approval, name)) for name in ("arguments", "metadata", "answer")}
    return approval.model_copy(update=hidden)


def runs_seen_by(page: RunPage, identity: Identity) -> RunPage:
    """Return a page of runs for this caller."""
    if identity.payloads:
        return page
    return page.model_copy(update={"runs": tuple(_summary(run) for run in page.runs)})


def groups_seen_by(groups: Iterable[AttentionGroup], identity: Identity) -> list[AttentionGroup]:
    """Return attention groups for this caller."""
    if identity.payloads:
        return list(groups)
    return [group.model_copy(update={"cause": reason_of(group.cause)}) for group in groups]


def deeds_seen_by(deeds: Iterable[DeedView], identity: Identity) -> list[DeedView]:
    """Return deeds as this person may see them: what was said with a verb may be a value of a run."""
    if identity.payloads:
        return list(deeds)
    return [deed.model_copy(update={"arguments": shape_of(deed.arguments)}) for deed in deeds]


def counts_seen_by(counts: Iterable[OpenCount], identity: Identity) -> list[OpenCount]:
    """Return counts of open hops for this caller."""
    if identity.payloads:
        return list(counts)
    return [count.model_copy(update={"reason": reason_of(count.reason)}) for count in counts]


def lines_seen_by(lines: Iterable[LogLine], identity: Identity) -> list[LogLine]:
    """Return log lines for this caller: lines that user code logs itself do not count as payload."""
    if identity.payloads:
        return list(lines)
    return [line._replace(fields=_fields(line.fields)) for line in lines]


def _fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    left = {name: value for name, value in fields.items() if name not in _OF_PAYLOADS}
    if "error" in left:
        left["error"] = str(left["error"]).partition(":")[0]
    if "reason" in left and fields.get("event") == "step ended":
        left["reason"] = reason_of(str(left["reason"]))
    return left


def _summary(run: SummaryT) -> SummaryT:
    error = run.error and run.error.model_copy(update={"message": shape_of(run.error.message)})
    return run.model_copy(update={"error": error, "reason": reason_of(run.reason)})


def _hop(hop: HopT) -> HopT:
    errors = tuple(_attempt(error) for error in hop.errors)
    return hop.model_copy(update={"errors": errors, "reason": reason_of(hop.reason)})


def _attempt(error: AttemptError) -> AttemptError:
    return error.model_copy(update={"message": shape_of(error.message), "traceback": None})


def _step(step: StepView) -> StepView:
    update = {
        "input": None if step.input is None else _shapes(step.input),
        "output": shape_of(step.output),
        "heartbeat_detail": shape_of(step.heartbeat_detail),
        "revision": None,
    }
    return _hop(step).model_copy(update=update)


def _shapes(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shape_of(value) for name, value in values.items()}

"""Deferred calls of an agent's run: questions to people, and their answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any, Final

from pydantic import ValidationError
from pydantic_ai import DeferredToolRequests, DeferredToolResults, RunContext, ToolApproved, ToolDenied
from pydantic_ai.messages import ToolCallPart
from pydantic_core import from_json

from paigeant.abc import StepSession
from paigeant.activities.calls.recorded import stored_key
from paigeant.activities.secrecy.held import masked_json
from paigeant.errors import TamperedMessage, Terminal
from paigeant.model.outcomes import Parked
from paigeant.model.people.approvals import EDIT_REFUSED, Answered, ApprovalStatus, Asked, AskedKind
from paigeant.model.people.policy import ApprovalPolicy
from paigeant.model.runs import WaitReason
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json

_OPEN: Final = frozenset({ApprovalStatus.OPEN})


async def answers_to(
    session: StepSession, context: RunContext[Any], run: str, requests: DeferredToolRequests, policy: ApprovalPolicy
) -> DeferredToolResults:
    """Return the answers of people to these calls; ends the step, which waits, if one is still open.

    An answer is for the arguments that were shown: the same call with others is another question. If a person edited
    them to values that the tool does not accept, a new question is asked, with the reason.
    """
    found = await session.answers()
    asked = {
        call.tool_call_id: _latest(context, call, _question(run, call, requests, policy), found)
        for call in (*requests.approvals, *requests.calls)
    }
    if any(one.key not in found or found[one.key].status in _OPEN for one in asked.values()):
        session.wait(Parked(WaitReason.APPROVAL, _patience(policy), asks=tuple(asked.values())))
    for one in asked.values():
        _require_shown(one, found[one.key])
    results = DeferredToolResults()
    for call in requests.approvals:
        results.approvals[call.tool_call_id] = _approval(found[asked[call.tool_call_id].key], call, policy)
    for call in requests.calls:
        results.calls[call.tool_call_id] = _result(found[asked[call.tool_call_id].key], call, policy)
    return results


async def outcome_of(session: StepSession, key: str, tool: str, arguments: Mapping[str, Any]) -> Any:
    """Return the result of an interrupted call as reported by a person; ends the step until then."""
    asked = Asked(stored_key(f"outcome of {key}"), AskedKind.UNKNOWN, tool, to_json(arguments, fallback=repr).decode())
    found = (await session.answers()).get(asked.key)
    if found is None or found.status in _OPEN:
        reason = f"{WaitReason.APPROVAL}: what came of the call of {tool!r} that was interrupted?"
        session.wait(Parked(reason, asks=(asked,)))
    _require_shown(asked, found)
    if found.status is ApprovalStatus.DENIED:
        raise Terminal(f"the call of {tool!r} was interrupted, and its outcome is not known: {found.value or 'denied'}")
    return found.value


def _require_shown(asked: Asked, answered: Answered) -> None:
    """Return if the person was shown these arguments; raises TamperedMessage for an answer to something else."""
    arguments = asked.arguments.encode()
    if answered.by_person and answered.shown not in {digest_of(arguments), digest_of(masked_json(arguments)), None}:
        text = f"approval {asked.key!r}, arguments: a person was shown others than those of the call of {asked.tool!r}"
        raise TamperedMessage(text)


def _question(run: str, call: ToolCallPart, requests: DeferredToolRequests, policy: ApprovalPolicy) -> Asked:
    arguments = call.args_as_json_str()
    metadata = requests.metadata.get(call.tool_call_id)
    digest = hashlib.sha256(arguments.encode()).hexdigest()
    key = stored_key(f"{run}/{call.tool_call_id}:{digest}")
    shown = None if metadata is None else to_json(metadata, fallback=repr).decode()
    return Asked(key, _kind_of(call, requests), call.tool_name, arguments, shown, policy.seconds)


def _kind_of(call: ToolCallPart, requests: DeferredToolRequests) -> AskedKind:
    if any(one is call for one in requests.approvals):
        return AskedKind.APPROVAL
    kind: Any = getattr(requests, "kind", None)  # an older version does not distinguish questions from other calls
    said = (requests.metadata.get(call.tool_call_id) or {}).get("kind") if kind is None else kind(call.tool_call_id)
    return AskedKind.QUESTION if said == "question" else AskedKind.EXTERNAL


def _latest(context: RunContext[Any], call: ToolCallPart, first: Asked, found: Mapping[str, Answered]) -> Asked:
    """Return the present question about a call: the newest, or one more if it was answered with a flaw."""
    numbered = (first._replace(key=stored_key(f"{first.key}#{number}")) for number in count(2))
    asked, again = first, next(numbered)
    while again.key in found:
        asked, again = again, next(numbered)
    answer = found.get(asked.key)
    flaw = None if answer is None else _flaw(context, call, answer)
    if flaw is None:
        return asked
    metadata: dict[str, Any] = {} if first.metadata is None else from_json(first.metadata)
    return again._replace(metadata=to_json({**metadata, EDIT_REFUSED: flaw}).decode())


def _flaw(context: RunContext[Any], call: ToolCallPart, answer: Answered) -> str | None:
    """Return the reason why the tool does not accept arguments edited by a person; without their values."""
    tool = ((context.tool_manager and context.tool_manager.tools) or {}).get(call.tool_name)
    if tool is None or answer.value is None or answer.status is not ApprovalStatus.APPROVED:
        return None
    try:
        tool.args_validator.validate_python(answer.value, context=context.validation_context)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"
    return None


def _patience(policy: ApprovalPolicy) -> timedelta | None:
    return None if policy.seconds is None else timedelta(seconds=policy.seconds)


def _approval(answer: Answered, call: ToolCallPart, policy: ApprovalPolicy) -> ToolApproved | ToolDenied:
    match answer.status:
        case ApprovalStatus.APPROVED:
            edited: Any = answer.value
            return ToolApproved(override_args=edited) if edited is not None else ToolApproved()
        case ApprovalStatus.DENIED:
            return ToolDenied(str(answer.value)) if answer.value else ToolDenied()
        case _:
            return ToolDenied(_too_late(call, policy))


def _result(answer: Answered, call: ToolCallPart, policy: ApprovalPolicy) -> Any:
    match answer.status:
        case ApprovalStatus.ANSWERED:
            return answer.value
        case ApprovalStatus.DENIED:
            return ToolDenied(str(answer.value)) if answer.value else ToolDenied()
        case _:
            return ToolDenied(_too_late(call, policy))


def _too_late(call: ToolCallPart, policy: ApprovalPolicy) -> str:
    text = f"nobody has answered to the call of {call.tool_name!r} in time"
    if policy.on_timeout == "fault":
        raise Terminal(text)
    return text

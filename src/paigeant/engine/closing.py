"""Runs that must end without their step being run: past the deadline, or wished cancelled while nobody runs them.

Any worker can do it, and so can whoever asks for the cancel: it takes the decision, not the activity.
"""

from __future__ import annotations

from paigeant.engine.deciding import decide, unreadable, write
from paigeant.engine.judging import cancelled, deadline_passed
from paigeant.engine.parts import Parts
from paigeant.errors import MessageRejected
from paigeant.model.hops import Commit, Grant, Verdict

LIMIT = 100
"""Runs taken up at a time."""


async def close_due(parts: Parts) -> int:
    """End, or turn round, the runs that are due for it; returns how many were found."""
    grants = await parts.store.lease_closing(parts.owner, LIMIT, parts.lease)
    if not grants:
        return 0
    commits = [_closing(parts, grant) for grant in grants]
    answers = await parts.store.record_step_result(commits, parts.lease)
    for commit, answer in zip(commits, answers, strict=True):
        if parts.transport is not None and commit.twin is not None and answer.verdict is Verdict.OK:
            await parts.transport.publish(commit.twin.topic, commit.twin.sealed)
    return len(grants)


def _closing(parts: Parts, grant: Grant) -> Commit:
    try:
        leased = parts.open(grant)
    except MessageRejected as error:
        return write(parts, grant, unreadable(error), None, ())
    outcome = cancelled(grant.cancel) if grant.cancel is not None else deadline_passed(leased)
    return write(parts, grant, *decide(parts.codec, leased, outcome), ())

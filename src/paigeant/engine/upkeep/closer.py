"""Runs that must end without their step being run: past the deadline, or wished cancelled while nobody runs them.

Any worker can do it, and so can whoever asks for the cancel: it takes the decision, not the activity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from paigeant.engine.hop.commits import decide, unreadable_and_over, write
from paigeant.engine.hop.judging import cancelled, deadline_passed, has_begun
from paigeant.engine.publisher import announce
from paigeant.engine.runtime import Parts
from paigeant.errors import MessageRejected
from paigeant.model.hops import Commit, Grant, Verdict
from paigeant.model.plan import ActivityCard

LIMIT: Final = 100
"""Runs taken up at a time."""


async def close_due(parts: Parts) -> int:
    """End, or turn round, the runs that are due for it; returns how many were found."""
    grants = await parts.store.lease_closing(parts.owner, LIMIT, parts.lease)
    if not grants:
        return 0
    cards = await _cards_of_others(parts, grants)
    commits = [_closing(parts, grant, cards) for grant in grants]
    answers = await parts.store.record_step_result(commits, parts.lease)
    for commit, answer in zip(commits, answers, strict=True):
        if commit.twin is not None and answer.verdict is Verdict.OK:
            await announce(parts, commit.twin)
    return len(grants)


async def _cards_of_others(parts: Parts, grants: Sequence[Grant]) -> Mapping[str, ActivityCard]:
    """Return the cards of activities that are not served here: what they can undo, only their workers know."""
    foreign = {grant.topic for grant in grants if has_begun(grant) and grant.topic not in parts.registry}
    return await parts.store.find_cards(foreign) if foreign else {}


def _closing(parts: Parts, grant: Grant, cards: Mapping[str, ActivityCard]) -> Commit:
    try:
        leased = parts.open(grant)
    except MessageRejected as error:
        return write(parts, grant, unreadable_and_over(grant, error), None, ())
    if grant.topic in cards:
        leased = replace(leased, undo=cards[grant.topic].undo)
    begun = has_begun(grant)
    outcome = cancelled(grant.cancel, begun=begun) if grant.cancel else deadline_passed(leased, begun=begun)
    return write(parts, grant, *decide(parts.codec, leased, outcome), ())

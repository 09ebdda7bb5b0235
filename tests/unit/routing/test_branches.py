"""Two branches that do the same at equal positions share nothing: no key, no identity, no record and no error."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.model.entries.step import Step
from paigeant.model.fan.outcomes import JoinFailed
from paigeant.model.hops import Grant, Leased, Record, Twin
from paigeant.model.message import HopKey, PaigeantMessage, lineage
from paigeant.model.outcomes import Completed, Fault, Faulted, FaultKind, Outcome, Retrying, Revised
from paigeant.model.plan import Undo
from paigeant.model.runs import Direction, RunError, RunStatus
from paigeant.model.transition import Left
from paigeant.model.values.values import Value, inline
from paigeant.protocol.variables import left_by
from paigeant.routing.advance import advance
from paigeant.testing.builders import CODEC, branch, new_message

NAMES = st.sampled_from(["a", "b"])
FAULT = Fault(type="E", message="no")
OUTCOMES: list[Outcome[Value]] = [
    Completed(inline(1), variables={"tone": inline("dry")}),
    Revised(inline(1), insert=[Step("a")]),
    Retrying(FAULT, 0.0),
    Faulted(FAULT),
    Faulted(Fault(type="Interrupted", message="died", kind=FaultKind.INTERRUPTED)),
]
CANCELLED = RunError(type="Cancelled", message="on request")
PATHS = st.text("ab/:.1", min_size=1, max_size=6)


@dataclass
class Seen:
    """What one branch left wherever something is found by its name."""

    keys: set[HopKey] = field(default_factory=set)
    message_ids: set[str] = field(default_factory=set)
    deeds: set[tuple[UUID, Direction]] = field(default_factory=set)
    undone: set[HopKey] = field(default_factory=set)
    variables: set[tuple[str, int, str]] = field(default_factory=set)
    errors: set[tuple[str, int | None]] = field(default_factory=set)


def walk(message: PaigeantMessage, outcomes: list[Any], undo: Undo) -> Seen:
    """Let the hops of one branch come to these outcomes, one after the other, as far as it goes."""
    seen, records = Seen(), dict[HopKey, Record]()
    for outcome in outcomes:
        twin = Twin.of(message, CODEC.seal(message))
        seen.keys.add(message.key)
        seen.message_ids.add(message.headers.message_id)
        seen.deeds.add((message.step_id, message.headers.direction))
        if twin.undoes is not None:
            seen.undone.add(twin.undoes)
        record = None if twin.undoes is None else records[twin.undoes]
        grant = Grant(message.key, message.topic, b"", 1, 1, message.headers.created_at, record=record)
        made = advance(Leased(grant, message, undo), outcome)
        _, path, position = message.key
        seen.variables |= {(path, position, name) for name in left_by(message, made)}
        if made.writes.error is not None:
            seen.errors.add((made.writes.error.path, made.writes.error.position))
        if isinstance(made.hop, Left):
            records[message.key] = Record(None, None, made.hop.undo or ())
            if not made.next:
                break
            [(message, _)] = made.next
    return seen


@given(
    steps=st.lists(NAMES, min_size=1, max_size=4),
    outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=8),
    undo=st.sampled_from(Undo),
    paths=st.lists(PATHS, min_size=2, max_size=2, unique=True),
)
def test_two_branches_share_nothing(steps: list[str], outcomes: list[Any], undo: Undo, paths: list[str]):
    trunk = new_message("a", "b")

    one, other = (walk(branch(trunk, path, *steps), outcomes, undo) for path in paths)

    for name, left, right in ((name, getattr(one, name), getattr(other, name)) for name in vars(one)):
        assert left.isdisjoint(right), name
        assert len(left) == len(right), name
    assert {key.path for key in one.keys | one.undone} == {paths[0]}
    assert trunk.key not in one.keys | other.keys


@given(path=PATHS | st.just(""))
def test_a_path_knows_those_that_it_left_and_no_other(path: str):
    paths = lineage(path)

    assert paths[0] == path
    assert paths[-1] == ""
    assert len(set(paths)) == len(paths) or "//" in path or path.startswith("/")
    steps = [f"{nearer}/".startswith(f"{further}/" if further else "") for nearer, further in pairwise(paths)]
    assert all(steps)


@pytest.mark.parametrize(("compensate", "status"), [(True, RunStatus.COMPENSATED), (False, RunStatus.CANCELLED)])
def test_a_run_that_is_cancelled_and_not_undone_is_cancelled_though_a_branch_had_undone_itself(
    status: RunStatus, *, compensate: bool
):
    """For who reads ``compensated`` takes all to be undone."""
    message = new_message("a")
    leased = Leased(Grant(message.key, message.topic, b"", 1, 1, message.headers.created_at), message)
    failed = JoinFailed(CANCELLED, FaultKind.CANCELLED, undone=True, compensate=compensate)

    transition = advance(leased, failed)

    assert transition.end is not None
    assert transition.end.status is status

"""Starts: new runs of a dispatch, and conflicts with existing ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from paigeant.errors import DispatchConflict
from paigeant.model.hops import RunStart, Started
from paigeant.protocol.states import KnownRun

RunName: TypeAlias = UUID | tuple[str, str]
"""Lookup key of a run: its id, or its workflow and dispatch key."""


def names_of(run: KnownRun) -> Iterable[RunName]:
    """Yield the lookup keys of this run, the dispatch key first."""
    if run.dispatch_key is not None:
        yield run.workflow, run.dispatch_key
    yield run.workflow_id


def match_starts(starts: Sequence[RunStart], known: Mapping[RunName, KnownRun]) -> list[Started]:
    """Return the answer to each start: its new run, or the existing one with its dispatch key or id.

    Raises DispatchConflict if the inputs differ. ``known`` are the runs of the store, by lookup key.
    """
    runs = dict(known)
    answers: list[Started] = []
    for start in starts:
        earlier = next((runs[name] for name in names_of(start) if name in runs), None)
        if earlier is None:
            runs |= dict.fromkeys(names_of(start), start)
        elif (earlier.workflow, earlier.input_sha256) != (start.workflow, start.input_sha256):
            raise DispatchConflict(_conflict(start, earlier))
        answers.append(Started((earlier or start).workflow_id, earlier is None))
    return answers


def is_same(start: RunStart, answer: Started) -> bool:
    """True if this very start is repeated after a lost answer: another call would have its own id.

    Only then may a first hop be given again: for another call it may be running by now.
    """
    return answer.workflow_id == start.workflow_id


def _conflict(start: RunStart, earlier: KnownRun) -> str:
    what = f"the dispatch key {start.dispatch_key!r}" if start.dispatch_key is not None else "this workflow_id"
    return (
        f"{what} of workflow {start.workflow!r} belongs to run {earlier.workflow_id}, which has another input; "
        "take another key, or the same input"
    )

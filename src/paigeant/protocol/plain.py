"""Plain commits: those that need no judgement beyond a lease that is alive, which the write itself can check.

They are written without reading the hop first: a row with the given fence and owner has a lease that is alive, since
taking over, ending and releasing all raise the fence. If no such row is found, the commit is judged in full.
"""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.model.hold import Now
from paigeant.model.hops import Commit, CommitResult, Twin, Verdict
from paigeant.model.runs import Direction, RunStatus
from paigeant.model.transition import Done, Left


def are_plain(commits: Sequence[Commit]) -> bool:
    """True if all of these are plain, and each belongs to another run."""
    return all(map(is_plain, commits)) and len({one.held.key.workflow_id.int for one in commits}) == len(commits)


def is_plain(commit: Commit) -> bool:
    """True if the commit completes a step of the trunk, and leads to the next one or to the end of its run.

    The end of a child run is not plain: it makes its parent's node due, too.
    """
    made, (_, path, _) = commit.transition, commit.held.key
    done = isinstance(made.hop, Left) and isinstance(made.hop.result, Done) and made.hop.result.reason is None
    if not done or path or made.writes.error is not None or made.writes.revision is not None or made.passed:
        return False
    if commit.detail is not None or commit.plans or made.joined:
        return False
    if made.end is not None:
        return made.end.status is RunStatus.COMPLETED and made.end.undo is None and not (commit.twins or commit.granted)
    return len(commit.twins) == 1 and _is_next(commit.twins[0], commit)


def _is_next(twin: Twin, commit: Commit) -> bool:
    workflow_id, path, position = commit.held.key
    forward = twin.direction is Direction.EXECUTE and isinstance(twin.hold, Now) and twin.kind is None
    return forward and twin.key == (workflow_id, path, position + 1)


def stays_here(one: Commit) -> bool:
    """True if a commit leaves no work for others: it ends the run, or its only next hop is handed over."""
    if one.transition.end is not None:
        return True
    return len(one.twins) == 1 and one.wanted is not None


def was_refused(one: Commit, result: CommitResult) -> bool:
    """True if the next hop was written without the requested hand-over, so that any worker may take it."""
    return one.wanted is not None and result.handed_over is None and result.verdict is Verdict.OK

"""Plain commits: those of which a lease that is alive is all that has to be judged, so that the write itself can tell.

They are written without reading the hop first: one whose fence and owner are found is alive, for whoever takes a lease
over, ends the run or gives the lease back raises the fence. Whatever is not found as expected is judged after all.
"""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.model.hold import Now
from paigeant.model.hops import Commit, CommitResult, Twin, Verdict
from paigeant.model.runs import Direction, RunStatus
from paigeant.model.transition import Done, Left


def are_plain(commits: Sequence[Commit]) -> bool:
    """Tell whether all of these are plain, and each is of another run."""
    return all(map(is_plain, commits)) and len({one.held.key.workflow_id.int for one in commits}) == len(commits)


def is_plain(commit: Commit) -> bool:
    """Tell whether the commit leaves a step of the trunk that is done for the next one, or for the end of its run.

    The end of a child makes its parent's node due, too.
    """
    made, (_, path, _) = commit.transition, commit.held.key
    done = isinstance(made.hop, Left) and isinstance(made.hop.result, Done) and made.hop.result.reason is None
    if not done or path or made.writes.error is not None or made.writes.revision is not None or made.passed:
        return False
    if commit.detail is not None or commit.plans or made.joined:
        return False
    if made.end is not None:
        return (
            made.end.status is RunStatus.COMPLETED and made.end.undo is None and not (commit.twins or commit.has_grant)
        )
    return len(commit.twins) == 1 and _is_next(commit.twins[0], commit)


def _is_next(twin: Twin, commit: Commit) -> bool:
    workflow_id, path, position = commit.held.key
    forward = twin.direction is Direction.EXECUTE and isinstance(twin.hold, Now) and twin.kind is None
    return forward and twin.key == (workflow_id, path, position + 1)


def stays_here(one: Commit) -> bool:
    """Whether nothing of the commit is left for others to do: it ends the run, or its only next hop is handed over."""
    if one.transition.end is not None:
        return True
    return len(one.twins) == 1 and one.wanted is not None


def was_refused(one: Commit, result: CommitResult) -> bool:
    """Whether the next hop was written and is for whoever takes it, though the committer asked for it."""
    return one.wanted is not None and result.handed_over is None and result.verdict is Verdict.OK

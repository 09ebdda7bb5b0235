"""Attention: problems that need a person, grouped by cause, step and error, the largest group first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from paigeant.abc import Store
from paigeant.model.runs import DETAILED, RunStatus, RunSummary, WaitReason, kind_of_reason
from paigeant.model.stored.overview import AttentionGroup
from paigeant.model.stored.run_filter import RunFilter

LOOKED_AT: Final = 1_000
"""Limit of runs of each kind that are examined: the newest."""

LATE: Final = 60.0
"""Seconds for which a step may be due before it counts as late."""

NAMED: Final = 5
"""Limit of activities without a worker that are named."""

FAILED_WITHIN: Final = timedelta(days=1)
"""Age up to which failed runs are shown."""


async def find_attention(store: Store, workflows: tuple[str, ...] = ()) -> list[AttentionGroup]:
    """Return the problems that need a person: stuck runs, failures of the last day, late queues, dead letters.

    With workflows, only problems of their runs.
    """
    waiting, ends = (RunStatus.WAITING,), (RunStatus.FAILED, RunStatus.COMPENSATION_FAILED)
    stuck = await store.list_runs(RunFilter(status=waiting, stuck=True, workflow=workflows), limit=LOOKED_AT)
    failed = await store.list_runs(
        RunFilter(status=ends, ended_within=FAILED_WITHIN, workflow=workflows), limit=LOOKED_AT
    )
    groups = [*_grouped(stuck.runs), *_grouped(failed.runs)]
    if any(group.cause == WaitReason.UNSERVED for group in groups):
        groups = await _by_step(store, groups, workflows)
    if not workflows:
        named = {group.step for group in groups if group.cause == WaitReason.UNSERVED}
        groups += [group for group in await _late(store) if group.step not in named]
        if letters := await store.count_dead_letters():
            groups.append(AttentionGroup(cause="dead letters", count=letters))
    return sorted(groups, key=lambda group: (-group.count, group.cause))


def _grouped(runs: Iterable[RunSummary]) -> list[AttentionGroup]:
    found: dict[tuple[str, str | None, str | None], list[RunSummary]] = defaultdict(list)
    for run in runs:
        cause = _cause(run.reason) if run.status is RunStatus.WAITING else str(run.status)
        step, error = (run.error.step, run.error.type) if run.error else (None, None)
        found[cause, step, error].append(run)
    return [
        AttentionGroup(
            cause=cause,
            step=step,
            error=error,
            count=len(alike),
            oldest=min(run.completed_at or run.created_at for run in alike),
            example=alike[-1].workflow_id,
        )
        for (cause, step, error), alike in found.items()
    ]


def _cause(reason: str | None) -> str:
    """Return the reason for which a run waits, without the text that follows one of ours."""
    kind = kind_of_reason(reason)
    return kind if kind is not None and kind in DETAILED else str(reason or WaitReason.PARKED)


async def _by_step(store: Store, groups: list[AttentionGroup], workflows: tuple[str, ...]) -> list[AttentionGroup]:
    """Return the groups with a group of unserved runs for each activity without a worker, unless there are many."""
    unserved = sorted(await store.find_unserved())
    if len(unserved) > NAMED:
        return groups
    groups = [group for group in groups if group.cause != WaitReason.UNSERVED]
    for step in unserved:
        where = RunFilter(
            status=(RunStatus.WAITING,), reason=(WaitReason.UNSERVED.value,), step=step, workflow=workflows
        )
        runs = (await store.list_runs(where, limit=LOOKED_AT)).runs
        groups += [group.model_copy(update={"step": step}) for group in _grouped(runs)]
    return groups


async def _late(store: Store) -> list[AttentionGroup]:
    return [
        AttentionGroup(
            cause="late" if queue.workers else "unserved",
            step=queue.activity,
            count=queue.due,
            oldest=queue.due_since,
        )
        for queue in await store.list_queues()
        if queue.due and ((queue.oldest or 0.0) > LATE or not queue.workers)
    ]

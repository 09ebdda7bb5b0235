"""Whatever happens to runs with branches, in whatever order, all stores answer the same, and none of them hangs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from paigeant.model.entries.entry import FLOW, Entry
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.fan.joins import JoinState, under
from paigeant.model.hops import Commit, Grant, LeaseToken
from paigeant.model.message import HopKey
from paigeant.model.plan import Undo
from paigeant.model.runs import Direction, RunView, StepStatus
from paigeant.model.stored.claims import Due
from paigeant.testing.builders import decided, new_run
from paigeant.testing.stores.hops.joins import gone_on
from tests.contracts.test_store_machine import (
    LONG,
    OUTCOMES,
    TOPICS,
    Stores,
    anyone,
    grants_shape,
    leases,
    owners,
    run_shape,
)

ALL: Final = (*TOPICS, FLOW)
FANS: Final = frozenset({Parallel.kind, ForEach.kind})
KINDS: Final = ("completed", "completed", "completed", "faulted", "faulted for good", "retrying", "parked", "cancelled")


def each(step: Any, window: int, on_fault: Any = "cancel") -> ForEach:
    return ForEach("item", in_="items", step=step, max_concurrency=window, on_fault=on_fault, name="each")


NODES: Final[Sequence[Entry]] = (
    Parallel("draft", "review"),
    Parallel(a=["draft", "print"], b=["review", "print"], on_fault="skip"),
    Parallel(a=["draft"], b=["review", each("print", 1)], join="any"),
    Parallel("draft", "review", "print", join=2),
    each("draft", 2),
    each(["draft", "review"], 1, "finish"),
    each(Parallel("draft", "review", join="any"), 2),
    Parallel(a=[each("draft", 1)], b=[each(["review", "print"], 3, "skip")]),
)


@pytest.fixture(autouse=True)
def database(new_postgres: Callable[[], str]) -> None:
    Branches.postgres = new_postgres()


class Branches(Stores):
    """Asks all stores the same about runs with branches, many commits at a time."""

    @precondition(lambda self: len(self.starts) < 3)
    @rule(
        node=st.sampled_from(NODES),
        before=st.booleans(),
        after=st.booleans(),
        deadline=st.sampled_from([None] * 8 + [-1.0]),
    )
    def start_branches(self, node: Entry, deadline: float | None, *, before: bool, after: bool) -> None:
        entries = [*(["review"] if before else []), node, *(["print"] if after else [])]
        start = new_run(*entries, payload={"items": [1, 2, 3, 4]}, deadline=deadline)
        self.ask(lambda _, store: store.record_workflow_start([start]))
        self.starts.append(start)

    @rule(owner=owners, lease=leases)
    def pick_all(self, owner: str, lease: timedelta) -> None:
        self.keep(self.ask(lambda _, store: store.claim(owner, Due(ALL), 100, lease), grants_shape))

    @precondition(lambda self: self.starts)
    @rule(
        kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=8),
        undo=st.sampled_from(Undo),
        limit=st.integers(1, 8),
        backwards=st.booleans(),
    )
    def work(self, kinds: list[str], undo: Undo, limit: int, *, backwards: bool) -> None:
        """Lease what is due, and commit all of it in one call."""
        self.work_off(kinds, undo, limit, backwards=backwards)

    def work_off(self, kinds: Sequence[str], undo: Undo, limit: int, *, backwards: bool = False) -> int:
        """Lease what is due, and commit all of it in one call; returns how many hops that were.

        All that is due is leased, and what is too much given back: of branches due at the same moment each store may
        choose its own.
        """
        grants = by_key(self.ask(lambda _, store: store.claim("worker-1", Due(ALL), 100, LONG), grants_shape))
        leased = [tuple(each[key] for each in grants) for key in sorted(grants[0])]
        leased, refused = leased[:limit], leased[limit:]
        self.ask(lambda n, store: store.release([each[n].held for each in refused]))
        self.grants += leased
        made = [self.made(one, kinds[n % len(kinds)], undo, "worker-1") for n, one in enumerate(leased)]
        self.commits += made
        made = made[::-1] if backwards else made
        self.ask(
            lambda n, store: store.record_step_result([commits[n] for commits in made], LONG),
            lambda settled: [one.verdict for one in settled],
        )
        return len(leased)

    @precondition(lambda self: self.grants)
    @rule(
        some=st.lists(st.tuples(anyone, st.sampled_from(KINDS), st.sampled_from(Undo)), min_size=1, max_size=6),
        owner=owners,
    )
    def commit_together(self, some: list[tuple[int, str, Undo]], owner: str) -> None:
        """Commit several hops in one call, each at most once."""
        chosen = {(which % len(self.grants)): (kind, undo) for which, kind, undo in some}
        made = [self.made(self.grants[-1 - which], kind, undo, owner) for which, (kind, undo) in chosen.items()]
        self.commits += made
        self.ask(
            lambda n, store: store.record_step_result([commits[n] for commits in made], LONG),
            lambda settled: [one.verdict for one in settled],
        )

    def made(self, grants: tuple[Grant, ...], kind: str, undo: Undo, owner: str) -> tuple[Commit, ...]:
        """Return the commits of a hop: of a step as it is said here, of a node as its workers would."""
        grant = grants[0]
        node = grant.topic == FLOW
        made = self.runner.run(gone_on(self.stores[0], grant)) if node else decided(grant, OUTCOMES[kind], undo=undo)
        held = (LeaseToken(each.key, each.fence) for each in grants)
        return tuple(replace(made, held=token, owner=owner, execution=uuid4()) for token in held)

    # What the other machine does to runs of one path, which would be most of what happens here.
    start: Any = None
    start_again: Any = None
    pick: Any = None
    lease: Any = None
    beat: Any = None
    release: Any = None
    commit: Any = None
    commit_again: Any = None
    hold_unserved: Any = None
    signal: Any = None
    save_variable: Any = None

    @precondition(lambda self: self.starts)
    @rule(which=anyone)
    def fail_and_resume(self, which: int) -> None:
        """Have all work that is due fail until the run has ended, and resume it."""
        for _ in range(20):
            if not self.work_off(["faulted"], Undo.NEVER, 8):
                break
        self.ask(lambda _, store: store.resume(self.run_id(which)))

    @rule()
    def finish(self) -> None:
        """Have all go on that can, until every run has ended."""
        for _ in range(100):
            self.let_go()
            grants = self.ask(lambda _, store: store.claim("worker-1", Due(ALL), 100, LONG), grants_shape)
            self.keep(grants)
            if grants[0]:
                self.go_on(len(grants[0]))
            elif not self.resumed():
                break
        views = self.ask(lambda _, store: store.list_runs(limit=100), lambda page: [run.status for run in page.runs])
        assert all(run.status.final for run in views[0].runs), [run for run in views[0].runs if not run.status.final]

    def let_go(self) -> None:
        """Give all leases back."""
        held = [[grants[n].held for grants in self.grants] for n in range(len(self.stores))]
        self.ask(lambda n, store: store.release(held[n]))

    def go_on(self, count: int) -> None:
        """Commit what was leased last, as workers would."""
        made = [self.made(grants, "completed", Undo.NEVER, "worker-1") for grants in self.grants[-count:]]
        self.ask(
            lambda n, store: store.record_step_result([commits[n] for commits in made], LONG),
            lambda settled: [one.verdict for one in settled],
        )

    def resumed(self) -> bool:
        """Resume what waits; returns whether anything did."""
        resumed = False
        for start in self.starts:
            [run, *_] = self.ask(lambda _, store, start=start: store.get_run(start.workflow_id), run_shape)
            if not run.status.final:
                answers = self.ask(lambda _, store, start=start: store.resume(start.workflow_id))
                resumed = resumed or not isinstance(answers[0], type)
        return resumed

    # -- what holds

    @invariant()
    def runs_look_the_same_everywhere(self) -> None:
        for start in self.starts:
            [run, *_] = self.ask(lambda _, store, start=start: store.get_run(start.workflow_id), run_shape)
            joins = {HopKey(run.workflow_id, node.path, node.position): node for node in run.nodes if node.kind in FANS}
            states = {}
            for key in joins:
                [states[key], *_] = self.ask(lambda _, store, key=key: store.load_join(key))
                self.ask(lambda _, store, key=key: store.load_branches(key, after=0, limit=3))
            branches_hold(run, states)


def by_key(grants: Sequence[Sequence[Grant]]) -> list[dict[HopKey, Grant]]:
    """Return the leases of each store by their hops."""
    return [{grant.key: grant for grant in each} for each in grants]


def branches_hold(run: RunView, joins: dict[HopKey, JoinState | None]) -> None:
    """What is true of every run with branches at every time."""
    hops = run.journey
    positions: dict[str, list[int]] = {}
    for hop in hops:
        positions.setdefault(hop.path, []).append(hop.position)
    assert all(found == list(range(1, len(found) + 1)) for found in positions.values()), positions
    open_hops = [hop for hop in hops if hop.status not in _BEHIND]
    pending = Counter(hop.path for hop in open_hops)
    assert pending[""] == (0 if run.status.final else 1)
    assert set(pending.values()) <= ({0} if run.status.final else {0, 1}), pending
    done = [step.idempotency_key for step in run.steps if step.status is StepStatus.COMPLETED]
    assert len(done) == len(set(done))
    for (_, path, position), join in joins.items():
        if join is None or run.status.final or join.start.back:
            continue
        node_is_open = any(hop.path == path and hop.position == position for hop in open_hops)
        below = re.compile(re.escape(under(path, position)) + r"\d+")
        under_way = [hop for hop in open_hops if below.fullmatch(hop.path)]
        if node_is_open:
            assert len(under_way) == join.written - join.arrived, (path, position, join)
        else:  # what is under way yet is undone by the node that undoes this one
            assert all(hop.direction is Direction.COMPENSATE for hop in under_way), (path, position, join)
        assert join.room >= 0 or join.closing is not None, join


_BEHIND = frozenset({StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.SKIPPED})

Branches.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestBranches = pytest.mark.slow(pytest.mark.timeout(900)(Branches.TestCase))

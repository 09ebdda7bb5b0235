"""The stores and the engine's decisions do as the model does: whatever happens in it happens in them, answer by answer.

So what is explored beside this file is the protocol as it is built. Hypothesis chooses the way, and shortens it if the
two disagree; `tests/contracts/test_store_machine.py` asks the stores for much else, and compares them with each other.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, product
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paigeant.abc import HopStore, Store
from paigeant.engine.hop.failures import StepTimeout, failure_of
from paigeant.model import hops as real
from paigeant.model.entries.step import OnInterrupt
from paigeant.model.hops import Leased
from paigeant.model.plan import Undo
from paigeant.model.routing_slip import Compensation, RoutingSlip
from paigeant.model.runs import CancelRequest, Direction, StepStatus
from paigeant.protocol import leases
from paigeant.routing.admit import admit
from paigeant.routing.fail import fail
from paigeant.stores.memory import MemoryStore
from paigeant.stores.postgresql import PostgresStore
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import CODEC, new_run
from tests.model.mirror import Mirror, rules_of, sort_of
from tests.model.protocol import deciding, store
from tests.model.protocol.nouns import Due, Faults, Grant, Hop, Setting, Step, World
from tests.model.protocol.surroundings import moves
from tests.model.safeguards import take_away

NAMESPACES = count()
FOLDER = tempfile.TemporaryDirectory()
LENGTH = 40

MANY = Faults(3, 3, 3, 2, 2, 3, 2, 2, 2, 2, 0, 0, 2, wait=3, signal=3, again=1)
ENDING = MANY._replace(terminate=1)
PLAN = (Step(Undo.COMPLETED), Step(Undo.UNKNOWN, OnInterrupt.COMPENSATE), Step(on_interrupt=OnInterrupt.PARK))
SETTINGS = {
    "pick": Setting(plan=PLAN, faults=MANY),
    "broker": Setting(plan=PLAN, faults=MANY, broker=True),
    "one step in doubt": Setting(plan=(Step(Undo.UNKNOWN),), faults=ENDING),
    "two hands": Setting(plan=PLAN[:2], faults=MANY._replace(cancel=0), runs=2, hands=(2, 1)),
    "two hands and a broker": Setting(
        plan=PLAN[1:], faults=ENDING._replace(cancel=0), runs=2, hands=(2, 1), broker=True
    ),
    "waits": Setting(plan=(Step(),), faults=Faults(slow=1, silence=1, wait=3, signal=3, again=1)),
    "calls": Setting(
        plan=(Step(calls=2, max_attempts=5), Step(Undo.COMPLETED, calls=1)),
        faults=Faults(crash=3, slow=3, silence=3, error=2, stop=2),
    ),
    "calls in doubt": Setting(plan=(Step(calls=2, max_attempts=5),), faults=Faults(slow=2, silence=2)),
    "suspects": Setting(plan=(Step(max_attempts=5),), faults=Faults(crash=6, slow=2), runs=2, hands=(2, 1)),
}


def new_memory() -> Store:
    return MemoryStore()


def new_sqlite() -> Store:
    return SqliteStore(f"sqlite:///{FOLDER.name}/model.db", namespace=f"n{next(NAMESPACES)}")


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@settings(max_examples=30, deadline=None)
@given(data=st.data(), late=st.booleans())
def test_the_memory_store_does_as_the_model_does(setting: Setting, data: st.DataObject, *, late: bool) -> None:
    asyncio.run(walk(new_memory, setting, drawn(data), late=late))


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), late=st.booleans())
def test_sqlite_does_as_the_model_does(setting: Setting, data: st.DataObject, *, late: bool) -> None:
    asyncio.run(walk(new_sqlite, setting, drawn(data), late=late))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(setting=st.sampled_from(list(SETTINGS.values())), data=st.data(), late=st.booleans())
def test_postgresql_does_as_the_model_does(postgres: str, setting: Setting, data: st.DataObject, *, late: bool) -> None:
    namespace = f"n{next(NAMESPACES)}"
    asyncio.run(walk(lambda: PostgresStore(postgres, namespace=namespace), setting, drawn(data), late=late))


@pytest.fixture
def postgres(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


def leased_as(grant: Grant, *, back: bool) -> Leased:
    """Return a real lease that says the same."""
    message = CODEC.open(new_run("a0").twin.body).message
    if back:
        step_id = message.step_id
        slip = RoutingSlip(compensations=(Compensation(position=1, activity="a0", step_id=step_id),))
        headers = replace(message.headers, direction=Direction.COMPENSATE)
        message = replace(message, routing_slip=slip, headers=headers)
    given = real.Grant(
        *(message.key, "a0", CODEC.seal(message).body, grant.fence, grant.attempt, datetime.now(UTC)),
        interrupted=grant.interrupted,
        cancel=grant.cancel_request,
        remaining=-1.0 if grant.late else None,
    )
    return Leased(given, message)


SEEN_BY_A_STORE = ["fence", "execution", "attempt", "interruption", "fence of a lease", "fence of a closing", "whole"]
OF_SIGNALS = ["once for a signal", "id of a signal", "end of a wait at the lease"]
SEEN_BY_A_STORE += [
    "cancel request at the hand-over",
    "cancel request at the lease",
    "suspects run alone",
    "only as it was given",
]
OF_CALLS = ["adoption", "own reservation", "key of a charge"]


class StoreWithout(MemoryStore):
    """A memory store whose every call does without a safeguard, beside a model that has it."""

    def __init__(self, safeguard: str) -> None:
        super().__init__()
        self._without = frozenset({safeguard})

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in {*HopStore.__abstractmethods__, "send_signals", "record_checkpoints", "reserve"}:
            return found

        async def call(*args: Any, **options: Any) -> Any:
            with pytest.MonkeyPatch.context() as patch:
                take_away(patch, self._without)
                return await found(*args, **options)

        return call


@pytest.mark.parametrize("safeguard", [*SEEN_BY_A_STORE, *OF_SIGNALS, *OF_CALLS])
def test_a_store_without_this_safeguard_would_be_found(safeguard: str):
    """Or, where it is nothing that a store asks the protocol for, one that has it beside a model without it."""
    names = {
        "suspects run alone": "suspects",
        "whole": "two hands",
        **dict.fromkeys(OF_SIGNALS, "waits"),
        **dict.fromkeys(OF_CALLS, "calls in doubt"),
    }
    name = names.get(safeguard, "pick")
    setting = SETTINGS[name]._replace(without=frozenset({safeguard}))
    if name == "suspects":  # only a message asks for a hop that is to be refused
        setting = setting._replace(broker=True)

    def disagree(seed: int) -> bool:
        try:
            asyncio.run(walk(lambda: StoreWithout(safeguard), setting, Random(seed).choice, late=False))
        except AssertionError:
            return True
        return False

    assert any(disagree(seed) for seed in range(500))


Choose = Callable[[Sequence[Any]], Any]


def drawn(data: st.DataObject) -> Choose:
    return lambda ways: data.draw(st.sampled_from(ways))


async def walk(make: Callable[[], Store], setting: Setting, choose: Choose, *, late: bool) -> None:
    """Take a way through the model, with a real store beside it."""
    late = late and setting.runs == 1  # what is to be closed is leased for all runs at once
    world = setting.start()
    world = world._replace(runs=tuple(run._replace(late=late) for run in world.runs))
    async with AsyncExitStack() as stack:
        mirror = Mirror(await stack.enter_async_context(make()), setting, late=late)
        await mirror.start()
        try:
            for _ in range(choose(range(LENGTH))):
                ways = [(action, after) for action, after in moves(world, setting) if _can_follow(world, action)]
                if not ways:
                    break
                action, after = choose(ways)
                at_once = choose([False, True])
                mirror.history.append(str(action))
                await mirror.follow(world, action, after, at_once=at_once)
                world = _due(world, after, action) if at_once else after
            await mirror.commit_together(world)
        except AssertionError as error:
            error.add_note("\n".join(["after", *mirror.history]))
            raise


def _can_follow(world: World, action: Any) -> bool:
    """A store's time cannot be made to pass: a retry is due at once, or not at all while we look."""
    if action.verb != "comes due":
        return True
    return leases.is_leased(world.runs[action.run].hops[action.position - 1])


def _due(before: World, after: World, action: Any) -> World:
    """Let a retry, or a wait for a signal, that has been committed without delay be due."""
    if action.verb != "commits":
        return after
    old, run = before.runs[action.run], after.runs[action.run]
    hop = run.hops[action.position - 1]
    again = hop.status is StepStatus.RETRYING or hop.awaits is not None
    fresh = again and old.hops[action.position - 1] != hop
    if not fresh or hop.due is not Due.LATER:
        return after
    runs = list(after.runs)
    runs[action.run] = store.come_due(run, action.position)
    return after._replace(runs=tuple(runs))


STEPS = [Step(undo, how, attempts) for undo, how, attempts in product(Undo, OnInterrupt, (1, 2))]
GRANTS = [
    Grant(0, 1, 1, 1, attempt, interrupted, cancel_request, late)
    for attempt, interrupted, cancel_request, late in product(
        (1, 2, 3), (False, True), (None, CancelRequest.PLAIN, CancelRequest.COMPENSATE), (False, True)
    )
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_the_engine_refuses_and_judges_as_the_model_does(step: Step):
    setting = Setting(plan=(step,))
    mirror = Mirror(MemoryStore(), setting, late=False)
    asked = 0
    for grant, back in product(GRANTS, (False, True)):
        hop, rules, leased = Hop(0, back=back), rules_of(step, back=back), leased_as(grant, back=back)

        refused = deciding.refuse(step, hop, grant)
        failed = deciding.judge_error(step, grant)
        late = deciding.judge_timeout(step, hop, grant)

        expected = [
            None if one is None else mirror.outcome(one, leased.grant, at_once=True) for one in (refused, failed, late)
        ]
        error, timeout = ValueError("no such luck"), StepTimeout("too long")
        given = [
            admit(leased, rules),
            fail(leased, rules, failure_of(error), 0.0),
            fail(leased, rules, failure_of(timeout), 0.0),
        ]
        assert list(map(sort_of, given)) == list(map(sort_of, expected)), (grant, back)
        asked += 1
    assert asked == len(GRANTS) * 2

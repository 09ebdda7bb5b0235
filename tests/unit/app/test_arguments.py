"""What the application and its handles are given is looked at before anything is done with it."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    ActivityWorker,
    Completed,
    Finished,
    Paigeant,
    Parked,
    Revised,
    Run,
    Signal,
    SyncPaigeant,
    SyncRun,
    Workflow,
    testing,
)
from paigeant.activities.secrecy.identity import Identity
from paigeant.agents import PaigeantDurability
from paigeant.app import Administration, load_handlers
from paigeant.app.calls.approvals import Approvals
from paigeant.app.calls.spending import Spending
from paigeant.config import Settings
from paigeant.errors import InvalidInput, PaigeantError, RegistrationError, ResultError, UnknownRun
from paigeant.testing import Environment
from paigeant.testing.stage import Stage

FLOW = Workflow("empty", [])


@pytest.fixture
async def app() -> AsyncIterator[Any]:
    async with Paigeant(ActivityRegistry(), workflows=[FLOW], settings=Settings(store="memory://")) as app:
        yield app


async def serve(app: Any, **options: Any) -> None:
    async with app.worker(**options):
        pass


WRONG: list[tuple[str, Callable[[Any], Awaitable[object]], str]] = [
    ("no input", lambda app: app.dispatch("empty"), "dispatch: missing a required argument: 'payload'"),
    ("a key by its place", lambda app: app.dispatch("empty", {}, "key"), "dispatch: too many positional arguments"),
    ("one input", lambda app: app.dispatch_many("empty", {"a": 1}), "payloads is {'a': 1}; it should be a list"),
    ("a text", lambda app: app.dispatch_many("empty", "abc"), "payloads is 'abc'; it should be a list of inputs"),
    ("a number", lambda app: app.dispatch_many("empty", 3), "payloads is 3; it should be a list of inputs"),
    ("no status", lambda app: app.runs(status=3), "status is 3; there are: pending"),
    ("no page", lambda app: app.runs(limit=0), "limit is 0; it should be a whole number from 1 to 1,000"),
    ("a page as text", lambda app: app.runs(limit="9"), "limit is '9'; it should be a whole number"),
    ("no name", lambda app: app.runs(workflow=3), "workflow is 3; it should be text"),
    ("a letter", lambda app: serve(app, activities="a"), "activities is 'a'; it should be a list of names"),
    ("a typing error", lambda app: serve(app, activites=["a"]), "no option 'activites'; did you mean 'activities'?"),
]


@pytest.mark.parametrize(("call", "said"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
async def test_what_an_application_cannot_do_is_said_with_the_line(
    app: Any, call: Callable[[Any], Awaitable[object]], said: str
):
    with pytest.raises(InvalidInput) as caught:
        await call(app)

    assert re.match(re.escape(__file__) + r":\d+: ", str(caught.value))
    assert said in str(caught.value)
    assert (await app.runs()).runs == ()


@pytest.mark.parametrize("slots", [0, -1, "3", True, 10**9])
async def test_a_worker_has_as_many_slots_as_a_whole_number_says(slots: Any):
    registry = ActivityRegistry()
    registry.execute("a")(lambda: None)
    async with Paigeant(registry, settings=Settings(store="memory://")) as app:
        with pytest.raises(InvalidInput, match="it should be a whole number from 1 to 100,000"):
            await serve(app, concurrency=slots)


async def test_a_word_is_no_yes(app: Any):
    run = await app.dispatch("empty", {})

    for call in (run.cancel(compensate="no"), run.retry(afresh="no"), run.retry(accept_contract=0)):
        with pytest.raises(InvalidInput, match="it should be True or False"):
            await call


@pytest.mark.parametrize("given", [3, None, "xyz", b"1"])
async def test_what_is_no_id_is_said(app: Any, given: Any):
    with pytest.raises(UnknownRun, match="a workflow_id looks like"):
        app.run(given)


async def test_what_is_no_signal_is_refused_before_any_is_sent(app: Any):
    for given in (3, "abc", [3], {"workflow_id": 1}):
        with pytest.raises(InvalidInput, match="signal_many takes"):
            await app.signal_many(given)


async def test_a_type_is_a_workflows(app: Any):
    run = await app.dispatch("empty", {})

    with pytest.raises(InvalidInput, match="workflow is 'empty'; it should be a Workflow"):
        app.run(run.workflow_id, "empty")


@pytest.mark.parametrize("steps", [{"a": 1}, {"a"}, frozenset("a")])
def test_steps_have_an_order(steps: Any):
    with pytest.raises(RegistrationError, match=r"its steps are a list, as \[...\], not"):
        Workflow("w", steps)


HANDLES = (
    ActivityContext,
    ActivityRegistry,
    ActivityWorker,
    Administration,
    Approvals,
    Environment,
    Identity,
    Paigeant,
    Run,
    Signal,
    Spending,
    Stage,
    SyncPaigeant,
    SyncRun,
    Workflow,
)
"""What users call methods of."""

CALLED: list[tuple[str, Any]] = [
    *(
        (f"{kind.__name__}.{name}", getattr(kind, name))
        for kind in HANDLES
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ),
    *((each.__name__, each) for each in (ActivityContext, PaigeantDurability, load_handlers, testing.eventually)),
]


@pytest.mark.parametrize("call", [each[1] for each in CALLED], ids=[each[0] for each in CALLED])
def test_whatever_is_called_says_that_it_has_no_such_option_and_where(call: Any):
    with pytest.raises(PaigeantError, match=r"has no option 'no_such'") as caught:
        call(no_such=1)

    assert str(caught.value).startswith(f"{__file__}:")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda app: app.signal("x", "paid", payloda=1), "signal has no option 'payloda'; did you mean 'payload'?"),
        (lambda app: app.fork("x", output={}), "fork has no option 'output'; did you mean 'outputs'?"),
        (lambda app: app.runs(statuss="failed"), "runs has no option 'statuss'; did you mean 'status'?"),
        (lambda app: app.administration.prune(older="3d"), "prune has no option 'older'; did you mean 'older_than'?"),
        (lambda app: app.find_run(), "find_run: missing a required argument: 'beginning'"),
        (
            lambda app: app.dispatch("empty", {}, dedline=1),
            "dispatch has no option 'dedline'; did you mean 'deadline'?",
        ),
    ],
)
def test_the_nearest_option_is_named(app: Any, call: Callable[[Any], object], said: str):
    with pytest.raises(InvalidInput) as caught:
        call(app)

    assert said in str(caught.value)


def print_nothing() -> None: ...


def test_what_is_awaited_is_known_for_that_before_it_is_called():
    asks = inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction

    assert all(map(asks, (Paigeant.dispatch, Paigeant.check, Run.status, Run.cancel, Workflow.run)))
    assert not any(map(asks, (Paigeant.run, Run.follow, Workflow.run_sync, SyncRun.cancel)))


async def test_time_is_moved_on_by_spans_that_there_are():
    async with testing.app(workflows=[Workflow("w", [print_nothing])]) as env:
        advance: Any = env.advance
        with pytest.raises(InvalidInput, match="advance has no option 'day'; did you mean 'days'"):
            await advance(day=3)


async def test_a_misspelt_option_within_a_step_fails_it_at_once():
    registry = ActivityRegistry()

    @registry.execute()
    async def asks(ctx: ActivityContext) -> None:
        save: Any = ctx.save_variable
        await save("a", vale=3)

    async with testing.app(registry, workflows=[Workflow("w", ["asks"])]) as app:
        result = await (await app.dispatch("w", {})).result(10)

    assert (result.status, result.steps[0].attempt) == ("failed", 1)
    assert result.error is not None
    assert "save_variable has no option 'vale'; did you mean 'value'?" in result.error.message


async def fork_at(app: Any, name: str) -> None:
    await (await app.dispatch("empty", {})).fork(name)


async def variable_of(app: Any, name: str) -> None:
    await (await app.dispatch("empty", {})).set_variable(name, 1)


async def conversation_of(app: Any, name: str) -> None:
    await (await app.dispatch("empty", {})).conversation(name)


LOOKED_FOR: dict[str, Callable[[Any, str], Awaitable[object]]] = {
    "a workflow": lambda app, name: app.dispatch(name, {}),
    "runs": lambda app, name: app.runs(workflow=name),
    "approvals": lambda app, name: app.approvals.list(workflow=name),
    "a worker": lambda app, name: app.administration.drain_worker(name),
    "a reason": lambda app, name: app.approvals.deny(1, reason=name),
    "a step": fork_at,
    "a variable": variable_of,
    "a name": lambda app, name: app.administration.create_token(name, role="viewer"),
    "a history": conversation_of,
}

ODD_TEXTS = ["a\0b", "a\ud800b", "x" * 5_000_000, "9" * 5_000]
"""Two that no database has, and two that are no name of anything."""


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("new_postgres")()


async def test_whatever_is_looked_for_is_not_there_or_refused_in_few_words(store: str):
    said: dict[str, str] = {}
    async with Paigeant(ActivityRegistry(), workflows=[FLOW], settings=Settings(store=store)) as app:
        for what, look in LOOKED_FOR.items():
            for text in ODD_TEXTS:
                try:
                    await look(app, text)
                except PaigeantError as error:
                    said[f"{what} {ascii(text)[:10]}"] = str(error)

    assert len(said) >= 30
    assert [each for each, text in said.items() if len(text) > 400] == []


OUTCOMES: list[tuple[Any, dict[str, Any], str]] = [
    (Completed, {"output": 1, "variable": {}}, "Completed has no option 'variable'; did you mean 'variables'?"),
    (Revised, {"output": 1, "inser": []}, "Revised has no option 'inser'; did you mean 'insert'?"),
    (Finished, {"output": 1, "reson": "x"}, "Finished has no option 'reson'; did you mean 'reason'?"),
    (Parked, {}, "Parked: missing a required argument: 'reason'"),
]


@pytest.mark.parametrize(("outcome", "options", "said"), OUTCOMES, ids=[each[0].__name__ for each in OUTCOMES])
async def test_a_misspelt_outcome_fails_its_step_at_once(outcome: Any, options: dict[str, Any], said: str):
    registry = ActivityRegistry()
    registry.execute("a")(lambda: outcome(**options))

    with pytest.raises(ResultError, match=re.escape(said)):
        outcome(**options)
    async with testing.app(registry, workflows=[Workflow("w", ["a"])]) as app:
        result = await (await app.dispatch("w", {})).result(10)

    assert (result.status, result.steps[0].attempt) == ("failed", 1)
    assert result.error is not None
    assert said in result.error.message


@pytest.mark.parametrize("inner", [Completed(1), Parked("later"), Finished(1), Revised(1)])
async def test_an_outcome_within_an_outcome_is_refused(inner: Any):
    registry = ActivityRegistry()
    registry.execute("a")(lambda: Completed(inner))

    async with testing.app(registry, workflows=[Workflow("w", ["a"])]) as app:
        result = await (await app.dispatch("w", {})).result(10)

    assert result.error is not None
    assert f"the output of its Completed is a {type(inner).__name__}: return that by itself" in result.error.message


@pytest.mark.parametrize("given", [None, "x", 3])
def test_an_activity_is_a_function(given: Any):
    with pytest.raises(RegistrationError) as caught:
        ActivityRegistry().execute("a")(given)

    assert re.match(re.escape(__file__) + r":\d+: execute\('a'\) takes a function, not", str(caught.value))

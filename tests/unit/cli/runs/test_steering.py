"""What is done to a run is said truly: what waits, what goes on, and what had ended before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, Parked, RetryPolicy, Switch, Terminal, Wait, Workflow, testing
from paigeant.cli.terminal.report import show
from paigeant.config import Settings

registry = ActivityRegistry()
failures: list[int] = []


@registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0))
def draft() -> str:
    if not failures:
        failures.append(1)
        raise ValueError("the pen is empty")
    return "a draft"


@registry.execute()
def review() -> Parked:
    return Parked("Ann must look at it", signal="reviewed")


@registry.execute()
def reject() -> None:
    raise Terminal("not in this house")


FLOWS = [
    Workflow("letter", ["draft", Wait("approved"), Switch({"true": ["review", Wait("signed")]}, default=["reject"])]),
    Workflow("short", ["draft"]),
    Workflow("parked", ["review"]),
    Workflow("refused", ["reject"]),
]


@pytest.fixture
def shop(paigeant: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Return what runs a workflow until nothing goes on by itself, and its id; and the program beside it."""
    settings = Settings(store=f"sqlite:///{tmp_path}/.paigeant/paigeant.db")

    async def play(name: str) -> str:
        failures.clear()
        async with Paigeant(registry, workflows=FLOWS, settings=settings) as app, app.worker():
            run = await app.dispatch(name, {})
            async for view in run.follow(timeout=20):
                if view.status == "waiting":
                    break
            return str(run.workflow_id)

    def shop(*words: str, play_first: str | None = None) -> Any:
        if play_first is not None:
            return asyncio.run(play(play_first))
        return paigeant(*words)

    return shop


def test_a_signal_that_no_wait_is_ahead_for_is_kept_with_a_hint(shop: Any):
    run = shop(play_first="letter")

    typo, early = shop("signal", run, "aproved"), shop("signal", run, "signed")

    assert "aproved is kept until the run waits for it" in typo.stderr
    assert "no wait for aproved is ahead of it; did you mean 'approved'?" in typo.stderr
    assert "It waits, or will wait, for: approved, signed" in typo.stderr
    assert early.stderr == f"run {run}: signed is kept until the run waits for it\n"
    assert "it waited for approved, and goes on" in shop("signal", run, "approved").stderr


def test_a_run_without_any_wait_says_so(shop: Any):
    run = shop(play_first="parked")
    assert "it waited for reviewed" in shop("signal", run, "reviewed").stderr
    assert "it has no wait at all ahead" in shop("signal", run, "reviewed").stderr


def test_a_retry_says_which_step_runs_again_and_not_that_it_runs(shop: Any):
    parked, refused = shop(play_first="parked"), shop(play_first="refused")

    assert shop("retry", parked).stderr == (
        f"run {parked}: step 'review' runs again as soon as a worker takes it, without the signal 'reviewed' that it "
        "waited for\n"
    )
    assert shop("retry", refused).stderr == f"run {refused}: step 'reject' runs again as soon as a worker takes it\n"


@pytest.mark.parametrize("command", ["cancel", "terminate"])
def test_what_has_ended_is_not_ended_again(shop: Any, command: str):
    run = shop(play_first="short")

    ended = shop(command, run)

    assert (ended.code, ended.stderr) == (0, f"run {run}: it had already ended (completed); nothing was changed\n")


def test_errors_of_a_step_that_completed_are_marked_as_past(shop: Any):
    shown = shop("show", shop(play_first="short")).stdout

    assert "1. draft, attempt 1, before attempt 2 completed it: ValueError: the pen is empty" in shown


async def test_errors_before_a_retry_by_hand_are_marked_as_such(capsys: pytest.CaptureFixture[str]):
    opened = list[int]()

    @(made := ActivityRegistry()).execute(retry=RetryPolicy(max_attempts=1))
    def enter() -> None:
        if not opened:
            raise ValueError("the door is locked")

    async with testing.app(made, workflows=[Workflow("visit", ["enter"])]) as app:
        run = await app.dispatch("visit", {})
        await run.result(10)
        opened.append(1)
        await run.retry()
        await run.result(10)
        show(await run.view())

    assert "1. enter, attempt 1, before a retry by hand completed it: ValueError" in capsys.readouterr().out


def test_workflows_are_listed_with_their_alternatives_and_waits(shop: Any):
    shop(play_first="short")

    [letter] = [each for each in shop("workflows", "--json").json["workflows"] if each["name"] == "letter"]

    assert letter["steps"] == ["draft", "review", "reject"]
    assert letter["itinerary"] == ["draft", "wait approved", "switch (if true: review → wait signed; else: reject)"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("dispatch", "WORKFLOW is missing; see `paigeant dispatch --help`"),
        ("runs --xyzzy", "no option --xyzzy; see `paigeant runs --help`"),
        ("show --tracebak", "no option --tracebak; did you mean --traceback?; see `paigeant show --help`"),
        ("runs --limit x", "--limit: a whole number is expected; see"),
        ("run --concurrency 0", "--concurrency: it should be at least 1; see"),
        ("runs --status nope", "--status: 'nope' is none of 'pending', 'running',"),
        ("runs --limit", "--limit takes a value"),
        ("dead lst", "no command 'lst'; did you mean 'list'?; see `paigeant dead --help`"),
        ("dead", "name a command; see `paigeant dead --help`"),
        ("prune", "--older-than is missing; see"),
        ("init a b", "nothing takes the argument b; see"),
        ("runs --since 3x", "--since: '3x' is no span of time; write 30d"),
        ("signal --each nofile", "nofile: no such file; write one JSON value on each line of it"),
    ],
)
def test_what_is_typed_wrongly_is_said_in_one_way(paigeant: Any, words: str, said: str):
    ended = paigeant(*words.split())

    assert ended.code == 2
    assert ended.stderr.startswith(f"error: {said}")

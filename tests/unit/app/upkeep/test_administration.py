"""What the command line can do to an installation, an application can: with the same rules, and the same errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.app import Prunable
from paigeant.config import Settings
from paigeant.errors import ConfigError, InvalidInput, ResultTimeout, UnknownLetter, UnknownVariable
from paigeant.model.checks.findings import Severity
from paigeant.model.runs import RunStatus
from paigeant.model.stored.dead_letters import Fate, Flaw, RejectedMessage

NOW = timedelta()


@pytest.fixture
async def app() -> AsyncIterator[Paigeant]:
    """An application whose one step nobody executes unless a test starts a worker."""
    registry = ActivityRegistry()

    @registry.execute
    async def draft() -> str:
        return "text"

    async with Paigeant(registry, workflows=[Workflow("w", ["draft"])], settings=Settings(store="memory://")) as app:
        yield app


async def keep(app: Paigeant, *bodies: bytes) -> None:
    rejected = [RejectedMessage.of("draft", "stranger", body, Flaw.UNREADABLE, "no message") for body in bodies]
    assert await app.store.record_dead_letters(rejected) == [True] * len(bodies)


async def pruned(app: Paigeant, **options: object) -> Prunable:
    amounts = [amount async for amount in app.administration.prune(NOW, **options)]  # type: ignore[arg-type]  (any)
    return Prunable(sum(one.runs for one in amounts), sum(one.dead_letters for one in amounts))


# -- the schema and the examination, before anything is open


async def test_a_schema_is_checked_and_upgraded_before_the_store_is_opened(tmp_path: Path) -> None:
    administration = Paigeant(settings=Settings(store=f"sqlite:///{tmp_path}/paigeant.db")).administration

    with pytest.raises(ConfigError, match="no schema yet"):
        await administration.check_schema()
    await administration.upgrade_schema()

    await administration.check_schema()


async def test_a_store_without_a_schema_says_so() -> None:
    with pytest.raises(ConfigError, match="memory:// store has no schema"):
        await Paigeant(settings=Settings(store="memory://")).administration.upgrade_schema()


async def test_an_examination_yields_findings_of_every_part() -> None:
    administration = Paigeant(settings=Settings(store="memory://")).administration

    found = [examined async for examined in administration.examine()]

    assert {examined.part for examined in found} == {"python", "settings", "store", "transport", "work"}
    assert not any(examined.is_problem for examined in found)


async def test_what_does_not_answer_is_a_finding_with_its_error() -> None:
    settings = Settings(store="postgresql://me@127.0.0.1:1/shop")

    found = [examined async for examined in Paigeant(settings=settings).administration.examine()]

    [problem] = [examined for examined in found if examined.is_problem]
    assert (problem.part, type(problem.error).__name__) == ("store", "Unavailable")
    assert problem.finding.severity is Severity.PROBLEM


async def test_what_needs_an_open_application_says_how_to_open_it() -> None:
    with pytest.raises(ConfigError, match="use it as `async with"):
        await Paigeant(settings=Settings(store="memory://")).administration.get_dead_letter(1)


# -- what is over and old


async def test_pruning_takes_runs_and_dead_letters_as_many_as_were_counted(app: Paigeant) -> None:
    for _ in range(3):
        await (await app.dispatch("w", None)).terminate()
    await app.dispatch("w", None)
    await keep(app, b"nonsense")

    assert await app.administration.count_prunable(NOW) == Prunable(3, 1)
    assert await pruned(app, batch=2) == Prunable(3, 1)
    assert await app.administration.count_prunable(NOW) == Prunable(0, 0)
    assert len((await app.runs()).runs) == 1


async def test_who_names_how_runs_ended_means_those_runs_and_no_dead_letters(app: Paigeant) -> None:
    await (await app.dispatch("w", None)).terminate()
    await keep(app, b"nonsense")

    assert await pruned(app, statuses=[RunStatus.COMPLETED]) == Prunable(0, 0)
    assert await pruned(app, statuses=[RunStatus.TERMINATED]) == Prunable(1, 0)


async def test_runs_that_are_not_over_are_not_pruned(app: Paigeant) -> None:
    with pytest.raises(InvalidInput, match="runs that are running are not over; there are: cancelled"):
        await pruned(app, statuses=[RunStatus.RUNNING])


# -- dead letters


async def test_dead_letters_are_listed_replayed_and_dropped(app: Paigeant) -> None:
    await keep(app, b"one", b"two")
    [second, first] = (await app.administration.list_dead_letters()).dead_letters

    [replayed] = await app.administration.replay_dead_letters([first.id], patience=0)

    assert (replayed.letter.id, replayed.fate, replayed.fate.failed) == (first.id, Fate.STUCK, True)
    assert await app.administration.drop_dead_letters([second.id]) == 1
    assert await app.administration.drop_dead_letters() == 1


async def test_a_dead_letter_that_is_not_there_is_neither_replayed_nor_dropped(app: Paigeant) -> None:
    with pytest.raises(UnknownLetter):
        await app.administration.replay_dead_letters([7])
    with pytest.raises(UnknownLetter, match="no dead letter has the id 7, 8"):
        await app.administration.drop_dead_letters([7, 8])


# -- a run's variables, and its course


async def test_a_variable_is_set_and_read(app: Paigeant) -> None:
    run = await app.dispatch("w", None)

    await run.set_variable("tone", {"mood": "dry"})

    assert await run.variable("tone") == {"mood": "dry"}
    assert await run.variables() == {"tone": {"mood": "dry"}}


async def test_an_unknown_variable_names_those_there_are(app: Paigeant) -> None:
    run = await app.dispatch("w", None)
    await run.set_variable("tone", "dry")

    with pytest.raises(UnknownVariable, match="has no variable 'tune'; there are: tone"):
        await run.variable("tune")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("a b", 1, "is no name for a variable"),
        ("big", "x" * (16 * 1024 * 1024), "allowed: 16,777,216"),
        ("tone", object(), "cannot be written as JSON"),
    ],
)
async def test_what_no_variable_can_hold_is_refused(app: Paigeant, name: str, value: object, said: str) -> None:
    run = await app.dispatch("w", None)

    with pytest.raises(InvalidInput, match=said):
        await run.set_variable(name, value)

    assert await run.variables() == {}


async def test_a_run_is_followed_to_its_end(app: Paigeant) -> None:
    run = await app.dispatch("w", None)

    async with app.worker():
        views = [view async for view in run.follow(timeout=10)]

    assert [view.status.final for view in views] == [False] * (len(views) - 1) + [True]
    assert views[-1].output == "text"


async def test_who_follows_loses_patience_and_the_run_goes_on(app: Paigeant) -> None:
    run = await app.dispatch("w", None)

    with pytest.raises(ResultTimeout, match=r"is pending and was not final after 0\.05 s; it goes on"):
        _ = [view async for view in run.follow(timeout=0.05)]

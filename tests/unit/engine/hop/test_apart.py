"""What a step does to itself, its context variables and its task, is over with it, and is the step's outcome."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from paigeant import ActivityContext, ActivityRegistry, RetryPolicy, RunFailed, Workflow, testing
from paigeant.engine.hop.apart import run_apart
from paigeant.testing.waiting import eventually

TENANT = contextvars.ContextVar("tenant", default="nobody")
ONCE = RetryPolicy(max_attempts=1)


async def until(true: Callable[[], Any]) -> None:
    async def ask() -> Any:
        return true()

    await eventually(ask, within=10)


def change() -> None:
    TENANT.set("acme")
    decimal.getcontext().prec = 3


def look() -> str:
    return f"{TENANT.get()} {decimal.Decimal(1) / 3}"


async def change_later() -> None:
    change()
    await asyncio.sleep(0)


async def look_later() -> str:
    return look()


def change_in_an_awaitable() -> Any:
    change()
    return change_later()


@pytest.mark.parametrize("looks", [look, look_later])
@pytest.mark.parametrize("changes", [change, change_later, change_in_an_awaitable])
async def test_no_step_sees_the_context_of_the_one_before(changes: Callable[..., Any], looks: Callable[..., Any]):
    decimal.getcontext()
    registry = ActivityRegistry()
    registry.execute("changes")(changes)
    registry.execute("looks")(looks)

    async with testing.app(registry, workflows=[Workflow("w", ["changes", "looks"])]) as app:
        output = (await (await app.dispatch("w", {})).result(10)).output

    assert output == "nobody 0.3333333333333333333333333333"


async def exits_a_generator() -> None:
    raise GeneratorExit


async def exits_the_program() -> None:
    raise SystemExit(3)


async def cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1)


async def raises_cancelled() -> None:
    raise asyncio.CancelledError


async def interrupts_itself() -> None:
    raise KeyboardInterrupt


def exits_in_a_thread() -> None:
    raise SystemExit(3)


class Asking(Exception):
    @property
    def retry_after(self) -> float:
        raise KeyError("Retry-After")


class Enormous(Exception):
    retry_after = 10**400


async def asks_and_raises() -> None:
    raise Asking("503")


def asks_for_ever() -> None:
    raise Enormous("503")


class ExitWithoutText(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in {"__name__", "__qualname__", "__module__"}:
            raise RuntimeError("no name")
        return super().__getattribute__(name)


class ErrorOfANamelessClass(Exception, metaclass=Nameless):
    pass


def exits_without_text() -> None:
    raise ExitWithoutText


async def awaits_and_exits_without_text() -> None:
    raise ExitWithoutText


def raises_what_has_no_name() -> None:
    raise ErrorOfANamelessClass


async def awaits_and_raises_what_has_no_name() -> None:
    raise ErrorOfANamelessClass


@pytest.mark.parametrize(
    "function",
    [
        exits_a_generator,
        exits_the_program,
        cancels_itself,
        raises_cancelled,
        interrupts_itself,
        exits_in_a_thread,
        asks_and_raises,
        asks_for_ever,
    ],
)
async def test_whatever_raises_is_the_steps_outcome_at_once(function: Callable[..., Any]):
    registry = ActivityRegistry()
    registry.execute("step", retry=ONCE)(function)

    async with testing.app(registry, workflows=[Workflow("w", ["step"])]) as app:
        result = await (await app.dispatch("w", {})).result(5)

    assert (result.status, [error.attempt for error in result.steps[0].errors]) == ("failed", [1])
    with pytest.raises(RunFailed) as caught:
        _ = result.output
    assert f"in {function.__name__}" in caught.value.__notes__[0]
    assert str(caught.value).endswith(f"see: paigeant show {result.workflow_id}")


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (exits_without_text, "ExitWithoutText"),
        (awaits_and_exits_without_text, "ExitWithoutText"),
        (raises_what_has_no_name, "ErrorOfANamelessClass"),
        (awaits_and_raises_what_has_no_name, "ErrorOfANamelessClass"),
    ],
)
async def test_an_error_that_answers_no_question_is_the_steps_outcome_at_once(function: Callable[..., Any], kind: str):
    registry = ActivityRegistry()
    registry.execute("step", retry=ONCE)(function)

    async with testing.app(registry, workflows=[Workflow("w", ["step"])]) as app:
        result = await (await app.dispatch("w", {})).result(5)

    assert (result.status, [error.attempt for error in result.steps[0].errors]) == ("failed", [1])
    assert result.error is not None
    assert kind in f"{result.error.type} {result.error.message}"


ERRORS: list[BaseException] = [
    SystemExit(3),
    GeneratorExit(),
    asyncio.CancelledError(),
    KeyboardInterrupt(),
    StopIteration(),
    KeyError("no"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["argument", "result"])
async def test_whatever_raises_while_values_are_validated_is_the_steps_outcome_at_once(
    error: BaseException, where: str
):
    def refuse(value: int) -> int:
        raise error

    def step(amount: Any) -> Any:
        return amount

    step.__annotations__ = {"amount" if where == "argument" else "return": Annotated[int, AfterValidator(refuse)]}
    registry = ActivityRegistry()
    registry.execute("amount")(lambda: 1)
    registry.execute("step", retry=ONCE)(step)

    async with testing.app(registry, workflows=[Workflow("w", ["amount", "step"])]) as app:
        result = await (await app.dispatch("w", {})).result(5)

    assert (result.status, [each.attempt for each in result.steps[1].errors]) == ("failed", [1])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of code that catches that as well
@pytest.mark.parametrize("swallowed", [asyncio.CancelledError, BaseException])
async def test_code_that_swallows_its_cancellation_keeps_no_run_and_no_slot(
    swallowed: type[BaseException], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("paigeant.engine.hop.apart.GRACE", 0.1)
    registry, turns = ActivityRegistry(), list[int]()

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0), timeout=0.1, concurrency=1)
    async def stubborn(ctx: ActivityContext) -> int:
        while ctx.attempt == 1:
            turns.append(1)
            try:
                await asyncio.sleep(0.01)
            except swallowed:
                continue
        return ctx.attempt

    async with testing.app(registry, workflows=[Workflow("w", ["stubborn"])]) as app:
        result = await (await app.dispatch("w", {})).result(10)
        taken = len(turns)

        assert (result.status, result.output) == ("completed", 2)
        assert "took longer than its timeout" in result.steps[0].errors[0].message
        assert "step 'stubborn' swallowed its cancellation, and was ended by force" in caplog.text
        await asyncio.sleep(0.05)
        assert len(turns) == taken


async def test_code_that_is_cancelled_several_times_at_once_ends_as_it_does_by_itself(caplog: pytest.LogCaptureFixture):
    """As in a process that stood still past the time-out of a step, the end of its lease, and its own end."""
    begun, left = asyncio.Event(), list[str]()

    async def code() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            left.append("tidied")
            raise

    def keep() -> Callable[[], None]:
        raise AssertionError("it ends by itself")

    caller = asyncio.create_task(run_apart(code, "step", keep))
    await begun.wait()
    caller.cancel()
    for _ in range(2):
        asyncio.get_running_loop().call_soon(caller.cancel)
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert left == ["tidied"]
    assert "ended by force" not in caplog.text


async def test_a_second_cancellation_waits_a_moment_only(caplog: pytest.LogCaptureFixture):
    begun, left, ended = asyncio.Event(), list[str](), list[str]()

    async def code() -> None:
        begun.set()
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                left.append("no")

    def keep() -> Callable[[], None]:
        ended.append("kept")
        return lambda: ended.append("ended")

    caller = asyncio.create_task(run_apart(code, "step", keep))
    await begun.wait()
    caller.cancel()
    await until(lambda: left)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await until(lambda: len(ended) == 2)

    assert (left, ended) == (["no"], ["kept", "ended"])
    assert "ended by force" in caplog.text


@pytest.mark.parametrize("handler", ["python's", "asyncio's", "one's own"])
def test_ctrl_c_is_no_outcome(handler: str):
    """It comes at any instruction of a step, or out of whatever handles the signal."""

    def raises(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)

    async def step() -> None:
        if handler != "asyncio's":
            signal.signal(signal.SIGINT, raises if handler == "one's own" else signal.default_int_handler)
        for _ in range(2):  # asyncio cancels at the first one
            signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(1)

    async def main() -> None:
        await run_apart(step, "step", lambda: lambda: None)

    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main())
    finally:
        signal.signal(signal.SIGINT, before)


FORKING = """
import os, sys
from paigeant import ActivityRegistry, Workflow

registry = ActivityRegistry()

def come_back():
    if sys.argv[2] == "raises":
        raise SystemExit(3)
    return "the child"

async def awaits() -> str:
    return "the parent" if os.fork() else come_back()

def in_a_thread() -> str:
    return "the parent" if os.fork() else come_back()

registry.execute("forks")({"awaits": awaits, "in_a_thread": in_a_thread}[sys.argv[1]])
print(Workflow("w", ["forks"], activities=registry).run_sync({}).output, flush=True)
"""


@pytest.mark.parametrize("how", ["returns", "raises"])
@pytest.mark.parametrize("where", ["awaits", "in_a_thread"])
def test_a_process_that_a_step_forks_never_goes_on_as_a_second_worker(tmp_path: Path, where: str, how: str):
    command = [sys.executable, "-W", "ignore", "-c", FORKING, where, how]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)

    assert (ended.returncode, ended.stdout) == (0, "the parent\n")
    assert "step 'forks': a process that it forked came back from its code, and was ended" in ended.stderr

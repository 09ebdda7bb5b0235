"""Retrying is arithmetic: how long to wait, and whether at all."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from concurrent.futures.thread import BrokenThreadPool
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from paigeant.errors import ArgumentError, RegistrationError, Terminal
from paigeant.model.outcomes import AttemptError, Fault, add_error
from paigeant.model.retry import RetryPolicy, qualified_name
from paigeant.model.values.durations import seconds_of


class Scope:
    class Busy(Exception):
        pass


shares = st.floats(0, 1)
seconds = st.floats(0, 1e6)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 100),
    initial_delay=seconds,
    max_delay=seconds,
    multiplier=st.floats(1, 1000),
    jitter=shares,
)


class Mishap(Exception):
    pass


class SmallMishap(Mishap):
    pass


def test_the_default_waits_one_second_and_doubles_it_and_gives_up_after_the_third_attempt() -> None:
    policy = RetryPolicy()

    assert [policy.delay_after(attempt) for attempt in (1, 2, 3)] == [1.0, 2.0, None]


def test_a_delay_stops_growing_at_the_longest() -> None:
    policy = RetryPolicy(max_attempts=10_000, initial_delay=1, multiplier=10, max_delay=60)

    assert [policy.delay_after(attempt) for attempt in (1, 2, 3, 4, 9_999)] == [1, 10, 60, 60, 60]


def test_jitter_shortens_by_its_share_at_most() -> None:
    policy = RetryPolicy(initial_delay=10, jitter=0.2)

    assert policy.delay_after(1, chance=0.0) == 10
    assert policy.delay_after(1, chance=0.5) == 9
    assert policy.delay_after(1, chance=1.0) == 8


@given(policies, st.integers(1, 200), shares)
def test_a_delay_is_never_negative_nor_over_the_longest(policy: RetryPolicy, attempt: int, chance: float) -> None:
    delay = policy.delay_after(attempt, chance=chance)

    assert (delay is None) == (attempt >= policy.max_attempts)
    assert delay is None or 0 <= delay <= seconds_of(policy.max_delay)


@given(policies, st.integers(1, 98))
def test_without_jitter_a_delay_is_never_shorter_than_the_one_before(policy: RetryPolicy, attempt: int) -> None:
    first, second = policy.delay_after(attempt), policy.delay_after(attempt + 1)

    assert first is None or second is None or first <= second


@given(policies, st.integers(1, 99), seconds)
def test_what_an_error_asks_for_wins_if_it_is_longer_but_gives_no_further_attempt(
    policy: RetryPolicy, attempt: int, retry_after: float
) -> None:
    plain = policy.delay_after(attempt)
    asked = policy.delay_after(attempt, retry_after=retry_after)

    assert asked == (None if plain is None else max(plain, retry_after))


@pytest.mark.parametrize(
    ("policy", "error", "retries"),
    [
        (RetryPolicy(), ValueError(), True),
        (RetryPolicy(), Terminal(), False),
        (RetryPolicy(), ArgumentError(), False),
        (RetryPolicy(), KeyboardInterrupt(), False),
        (RetryPolicy(retry_on=(Mishap,)), SmallMishap(), True),
        (RetryPolicy(retry_on=(Mishap,)), ValueError(), False),
        (RetryPolicy(retry_on=(Mishap, OSError)), TimeoutError(), True),
        (RetryPolicy(retry_on=("TimeoutError",)), TimeoutError(), True),
        (RetryPolicy(retry_on=("SmallMishap",)), SmallMishap(), True),
        (RetryPolicy(no_retry_on=(SmallMishap,)), SmallMishap(), False),
        (RetryPolicy(no_retry_on=(SmallMishap,)), Mishap(), True),
        (RetryPolicy(retry_on=(Mishap,), no_retry_on=(Mishap,)), SmallMishap(), False),
        (RetryPolicy(retry_on=()), ValueError(), False),
    ],
)
def test_errors_are_known_by_class_and_by_name_and_the_exclusion_wins(
    policy: RetryPolicy, error: BaseException, *, retries: bool
) -> None:
    assert policy.retries(error) is retries


def test_a_policy_is_the_same_by_class_and_by_name() -> None:
    assert RetryPolicy(retry_on=(TimeoutError,)) == RetryPolicy(retry_on=("TimeoutError",))
    assert qualified_name(Mishap).endswith(".Mishap")


@given(policies)
def test_a_policy_travels_as_json(policy: RetryPolicy) -> None:
    adapter = TypeAdapter(RetryPolicy)

    assert adapter.validate_json(adapter.dump_json(policy)) == policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"initial_delay": -1},
        {"max_delay": float("inf")},
        {"multiplier": 0.5},
        {"multiplier": 1e6},
        {"jitter": 1.1},
        {"tries": 3},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RegistrationError):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


def stranger(name: str, module: str = "broker") -> type[Exception]:
    return type(name, (Exception,), {"__module__": module})


@pytest.mark.parametrize("name", ["TimeoutError", "ConnectionError", "OSError", "Exception"])
def test_the_name_of_a_builtin_never_means_a_strangers_class(name: str) -> None:
    error = stranger(name)()

    assert not RetryPolicy(retry_on=(getattr(builtins, name),)).retries(error) or name == "Exception"
    assert RetryPolicy(no_retry_on=(name,), retry_on=("Exception",)).retries(error) or name == "Exception"
    assert RetryPolicy(retry_on=(type(error),)).retries(error)
    assert RetryPolicy(retry_on=(f"broker.{name}",)).retries(error)


def test_a_class_within_a_function_is_known_by_its_name() -> None:
    class Local(Exception):
        pass

    policy = TypeAdapter(RetryPolicy).validate_json(TypeAdapter(RetryPolicy).dump_json(RetryPolicy(retry_on=(Local,))))

    assert policy.retries(Local())
    assert not policy.retries(Mishap())


@pytest.mark.parametrize(
    ("path", "package", "name"),
    [
        ("shop.py", False, "shop.Busy"),
        ("pkg/sub/shop.py", True, "pkg.sub.shop.Busy"),
        ("pkg/shop.py", False, "shop.Busy"),
    ],
)
def test_a_class_of_the_running_program_has_the_name_it_has_elsewhere(
    tmp_path: Path,
    path: str,
    package: bool,  # noqa: FBT001
    name: str,
) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "from paigeant import RetryPolicy\n"
        "class Busy(Exception): pass\n"
        "if __name__ == '__main__': print(RetryPolicy(retry_on=(Busy,)).retry_on[0])\n"
    )
    for folder in [file.parent, *file.parent.parents][: 2 if package else 0]:
        (folder / "__init__.py").touch()

    ways = [[str(file)]] + ([["-m", name.removesuffix(".Busy")]] if package else [])
    for way in ways:
        done = subprocess.run([sys.executable, *way], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == name


def test_what_is_no_exception_is_refused() -> None:
    with pytest.raises(RegistrationError, match="int is no class of exceptions"):
        RetryPolicy(retry_on=(int,))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_of_many_errors_the_first_and_the_newest_are_kept_and_all_are_counted() -> None:
    errors: tuple[AttemptError, ...] = ()
    for attempt in range(1, 1001):
        fault = Fault(type="E", message=str(attempt), traceback="t" * 1000)
        errors = add_error(errors, fault, attempt, datetime(2026, 1, 1, tzinfo=UTC))

    assert [error.number for error in errors] == [1, *range(991, 1001)]
    assert [error.message for error in errors][-1] == "1000"
    assert [error.number for error in errors if error.traceback] == [1, 1000]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("IOError", FileNotFoundError()),
        ("EnvironmentError", OSError()),
        ("socket.timeout", TimeoutError()),
        ("json.JSONDecodeError", json.JSONDecodeError("no", "", 0)),
        ("concurrent.futures.BrokenExecutor", BrokenThreadPool()),
        (f"{__name__}.Scope.Busy", Scope.Busy()),
    ],
)
def test_an_error_is_meant_by_each_name_that_it_can_be_imported_under(name: str, error: Exception):
    assert RetryPolicy(retry_on=(name,)).retries(error)
    assert not RetryPolicy(no_retry_on=(name,)).retries(error)


@pytest.mark.parametrize("name", ["json.loads", "json.nosuch", "nosuch.ValueError", "json", "", "..", "os.path"])
def test_what_names_no_class_means_none(name: str):
    assert not RetryPolicy(retry_on=(name,)).retries(ValueError())

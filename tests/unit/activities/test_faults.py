"""An error is described whatever it does, with where it was raised, and asks for a delay only if that is one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.activities.faults import LONGEST_RETRY_AFTER, MESSAGE_CHARACTERS, asked_delay, describe
from paigeant.activities.tracebacks import BYTES, FRAMES
from paigeant.errors import ConfigError


class Hostile(Exception):
    """Raises from whatever is asked of it."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__()
        self._raised = raised

    def __str__(self) -> str:
        raise self._raised

    def __repr__(self) -> str:
        return "Hostile()"

    @property
    def retry_after(self) -> float:
        raise self._raised

    @property
    def __notes__(self) -> list[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        raise self._raised


class Wordless(Exception):
    def __str__(self) -> Any:
        return None  # noqa: PLE0307


class Group(ExceptionGroup[Exception]):
    @property
    def exceptions(self) -> Any:
        raise ValueError("no members today")


def raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301
    except BaseException as caught:  # noqa: BLE001
        return caught


def deep(levels: int) -> None:
    if levels == 0:
        raise ValueError("down here")
    deep(levels - 1)


HOSTILE: list[BaseException] = [
    Hostile(KeyError("Retry-After")),
    Hostile(KeyboardInterrupt()),
    Hostile(asyncio.CancelledError()),
    Hostile(RecursionError()),
    Wordless(),
    Group("group", [ValueError("x")]),
    ValueError("\ud800\0" * 5000),
    ExceptionGroup("many", [ValueError(str(n)) for n in range(100)]),
]


@pytest.mark.parametrize("error", HOSTILE, ids=range(len(HOSTILE)))
def test_an_error_is_described_whatever_its_methods_do(error: BaseException):
    fault = describe(raised(error))

    assert fault.type.endswith(type(error).__qualname__)
    assert 0 < len(fault.message) <= MESSAGE_CHARACTERS
    for text in (fault.message, fault.traceback or ""):
        assert "\0" not in text
        assert len(text.encode()) <= BYTES + len(text)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (5, 5.0),
        (0.25, 0.25),
        (timedelta(minutes=1), 60.0),
        (10**400, LONGEST_RETRY_AFTER),
        (1e300, LONGEST_RETRY_AFTER),
        (timedelta.max, LONGEST_RETRY_AFTER),
        (float("nan"), None),
        (float("inf"), None),
        (-1, None),
        (True, None),
        ("120", 120.0),
        ("2m", 120.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        (object(), None),
        (None, None),
    ],
)
def test_what_an_error_asks_for_is_heard_if_it_is_a_duration(asked: Any, seconds: float | None):
    error = ConnectionError("busy")
    error.retry_after = asked  # pyright: ignore[reportAttributeAccessIssue]

    assert asked_delay(error) == seconds


def test_a_property_that_raises_asks_for_nothing():
    assert asked_delay(Hostile(KeyError("Retry-After"))) is None


def test_a_traceback_shows_the_users_frames_and_no_values():
    secret = "hunter2"

    def outer() -> None:
        inner(len(secret))

    def inner(size: int) -> None:
        raise ValueError("no such luck") from KeyError(size)

    with pytest.raises(ValueError, match="no such luck") as caught:
        outer()
    traceback = describe(caught.value).traceback or ""

    assert f'File "{__file__}"' in traceback
    assert ["in outer" in traceback, "in inner" in traceback, "KeyError: 7" in traceback] == [True] * 3
    assert traceback.endswith("ValueError: no such luck")
    assert "hunter2" not in traceback


def test_a_traceback_leaves_out_our_own_frames_and_what_our_errors_hide():
    secret = raised(ValueError("postgresql://u:hunter2@host"))
    ours = ConfigError("no such database")
    ours.__cause__ = secret

    traceback = describe(raised(ours)).traceback or ""

    assert "hunter2" not in traceback
    assert str(Path(describe.__code__.co_filename).parent) not in traceback


def test_a_deep_traceback_keeps_the_outermost_and_the_innermost_frames():
    with pytest.raises(ValueError, match="down here") as caught:
        deep(300)
    traceback = describe(caught.value).traceback or ""

    assert "deep(300)" in traceback
    assert 'raise ValueError("down here")' in traceback
    assert traceback.count("File ") <= FRAMES + 1


def test_the_members_of_a_group_are_shown_with_where_they_came_from():
    with pytest.raises(ValueError, match="down here") as caught:
        deep(1)
    traceback = describe(raised(ExceptionGroup("both", [caught.value, KeyError("k")]))).traceback or ""

    assert ["both" in traceback, "in deep" in traceback, "KeyError: 'k'" in traceback] == [True] * 3


@given(st.text())
def test_no_message_is_too_long_or_no_unicode(text: str):
    fault = describe(raised(ValueError(text * 50)))

    assert len(fault.message) <= MESSAGE_CHARACTERS
    assert len((fault.traceback or "").encode()) <= BYTES

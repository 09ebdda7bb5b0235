"""A step is JSON through and through, and has one identity wherever it goes."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from paigeant.errors import RegistrationError
from paigeant.model.entries.entry import entry_id
from paigeant.model.entries.step import OnInterrupt, Step, stow
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.values import Ref

RUN = UUID("01890000-0000-7000-8000-000000000001")
ADAPTER = TypeAdapter(Step)


class Order(BaseModel):
    id: int
    day: date


def test_arguments_become_json_at_once() -> None:
    arguments: dict[str, Any] = {"order": Order(id=7, day=date(2026, 1, 1)), "raw": b"\xff"}

    step = Step("charge", arguments=arguments)

    assert step.arguments == {"order": {"id": 7, "day": "2026-01-01"}, "raw": "_w=="}


@pytest.mark.parametrize("name", ["", "-charge", "a b", "a/b", "x" * 101, "ä", "a\n", None])
def test_a_name_that_can_be_no_topic_is_refused(name: str) -> None:
    with pytest.raises(RegistrationError):
        Step(name)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_is_a_time(timeout: float) -> None:
    with pytest.raises(RegistrationError):
        Step("charge", timeout=timeout)


def test_arguments_that_are_no_json_are_refused() -> None:
    with pytest.raises(RegistrationError):
        Step("charge", arguments={"amount": float("nan")})


def test_a_step_travels_as_json() -> None:
    step = Step(
        "charge",
        arguments={"amount": [1, None, {"x": "ä"}]},
        retry=RetryPolicy(max_attempts=5, no_retry_on=(ValueError,)),
        timeout=30,
        on_interrupt=OnInterrupt.PARK,
        elsewhere=True,
        claims={"order": Ref(sha256="0" * 64, size=5000)},
        id=entry_id(RUN, "", "0"),
    )

    assert ADAPTER.validate_json(ADAPTER.dump_json(step)) == step
    assert ADAPTER.validate_json(ADAPTER.dump_json(step, exclude_defaults=True)) == step


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_json(b'{"activity":"charge","prio":1}')


def test_an_identity_is_that_of_the_run_the_path_and_the_place() -> None:
    paths = ("", "1", "1.0", "a", "a:1", "a/b")
    places = {entry_id(run, path, place) for run in (RUN, UUID(int=1)) for path in paths for place in ("0", "1", "1.0")}

    assert len(places) == 36
    assert entry_id(RUN, "a", "0") == entry_id(RUN, "a", "0")


def test_large_arguments_stay_in_the_store_and_small_ones_travel() -> None:
    step = Step("write", arguments={"text": "x" * 5000, "tone": "dry"})

    stowed, blobs = stow(step)

    assert isinstance(stowed, Step)
    assert stowed.arguments == {"tone": "dry"}
    assert stowed.claims["text"].size == 5002
    assert [(blob.sha256, blob.json) for blob in blobs] == [(stowed.claims["text"].sha256, b'"' + b"x" * 5000 + b'"')]


def test_a_step_of_small_arguments_is_left_as_it_is() -> None:
    step = Step("write", arguments={"tone": "dry"})

    assert stow(step) == (step, ())

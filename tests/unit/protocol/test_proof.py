"""A hop whose row and message do not say the same is not executed, and it is said where they differ."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest

from paigeant.errors import TamperedMessage
from paigeant.model.hops import Grant, Recorded, RunStart
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.runs import Direction
from paigeant.protocol.proof import require_intact, require_same
from paigeant.testing.builders import CODEC, new_run
from tests.unit.protocol.rows import NOW


def granted(start: RunStart, **other: Any) -> tuple[Grant, PaigeantMessage]:
    """Return a lease on the first hop of a run, with a row that says otherwise, and the message that is in it."""
    twin = start.twin
    recorded = Recorded(twin.step_id.hex, twin.direction, twin.undoes, hashlib.sha256(twin.body).digest())
    facts = {name: other.pop(name) for name in Recorded._fields if name in other}
    grant = Grant(twin.key, twin.topic, twin.body, 1, 1, NOW, recorded=recorded._replace(**facts))
    return replace(grant, **other), CODEC.open(twin.body).message


def test_a_row_and_its_message_agree():
    grant, message = granted(new_run("a"))

    require_intact(grant)
    require_same(grant, message)


START = new_run("a", "b")


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"key": START.twin.key._replace(position=2)}, "hop"),
        ({"topic": "b"}, "the step is b in the row, a in the message"),
        ({"direction": Direction.COMPENSATE}, "the direction is compensate in the row, execute in the message"),
        ({"step_id": "0" * 32}, "step id"),
        ({"undoes": HopKey(START.workflow_id, "", 1)}, "undone hop"),
    ],
)
def test_the_first_difference_is_named(other: dict[str, Any], what: str):
    grant, message = granted(START, **other)

    with pytest.raises(TamperedMessage, match=f"its row and its message differ: .*{re.escape(what)}"):
        require_same(grant, message)


def test_bytes_that_were_not_recorded_are_not_even_opened():
    grant, _ = granted(START, digest=b"another")

    with pytest.raises(TamperedMessage, match="digest differs"):
        require_intact(grant)


def test_what_was_handed_over_is_not_compared_with_itself():
    grant, message = granted(START, topic="b")

    require_intact(replace(grant, recorded=None))
    require_same(replace(grant, recorded=None), message)

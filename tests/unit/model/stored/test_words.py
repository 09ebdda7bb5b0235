"""What columns hold is shown whatever somebody has made of it."""

from __future__ import annotations

import pytest

from paigeant.errors import MessageRejected
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.stored.words import read_json, read_word
from paigeant.security.frame import write_frame
from paigeant.security.plain import PlainCodec
from paigeant.testing.builders import new_message


@pytest.mark.parametrize("text", ["", "x", "Completed", "completed ", "{}"])
def test_a_word_that_is_none_is_read_as_spoilt(text: str):
    assert read_word(StepStatus, text, StepStatus.UNREADABLE) is StepStatus.UNREADABLE


def test_a_word_is_read_as_what_it_is():
    assert read_word(RunStatus, "completed", RunStatus.UNREADABLE) is RunStatus.COMPLETED


@pytest.mark.parametrize(("text", "shown"), [("{", "(unreadable)"), ("", "(unreadable)"), ('{"a":1}', {"a": 1})])
def test_a_json_text_that_is_spoilt_is_shown_as_such(text: str, shown: object):
    assert read_json(text) == shown


def test_a_message_cannot_have_a_direction_that_is_none():
    body = PlainCodec().write(new_message("draft"))
    said = body.replace(b'"position":1', b'"position":1,"direction":"unreadable"', 1)

    with pytest.raises(MessageRejected, match="direction"):
        PlainCodec().open(write_frame(said))

    assert Direction.UNREADABLE not in {Direction.EXECUTE, Direction.COMPENSATE}

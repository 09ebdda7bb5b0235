"""A span of time is written as people write it, and what is none is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer

from paigeant.cli.terminal.durations import duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("45m", timedelta(minutes=45)),
        ("0s", timedelta()),
        ("1d12h", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
    ],
)
def test_a_span(text: str, span: timedelta):
    assert duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "30", "d", "3 d", "-3d", "1.5h", "3d ", "3dd", "3y", "30D", "٣d", "1000000000w", "999999999w"]
)
def test_what_is_no_span(text: str):
    with pytest.raises(typer.BadParameter):
        duration(text)

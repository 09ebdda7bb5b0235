"""What a line for a person looks like does not depend on how it is rendered: quickly, or by structlog."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant.telemetry import lines
from paigeant.telemetry.lines import console_lines

STEP = {
    "timestamp": "2026-11-29T22:01:27.123456Z",
    "level": "info",
    "event": "step 'draft' began",
    "logger": "paigeant.steps",
    "workflow_id": "0190e0f0-0000-7000-8000-000000000000",
    "step": "draft",
    "path": "",
    "position": 1,
    "duration_ms": 1.5,
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"none": None, "yes": True, "spaces": "a b", "quotes": 'it\'s "so"', "equals": "a=b", "accent": "é"},
        {"level": "warning", "event": "x"},
        {"event": " padded ", "level": "critical"},
        {"list": [1, "x"], "fields": {"a": 1}},
        {"escape": "a\x1b[31m", "lines": "one\ntwo", "direction": "a\u202eb", "tab": "a\tb"},
        {"password": "hunter2", "url": "redis://me:hunter2@host/0", "authorization": "Bearer abcdefghijklmnop"},
        {"exception": "Traceback\n  x", "stack": "Stack\n  y"},
        {"logger_name": "other"},
    ],
    ids=lambda more: ",".join(more) or "as it comes",
)
def test_the_quick_way_renders_what_structlog_renders(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    line = STEP | more
    quick = console_lines(colors=False)(dict(line))
    monkeypatch.setattr(lines, "_simple", lambda _: None)

    assert quick == console_lines(colors=False)(dict(line))
    assert "hunter2" not in quick


def test_lines_of_steps_go_the_quick_way():
    assert lines._simple(STEP) == console_lines(colors=False)(dict(STEP))

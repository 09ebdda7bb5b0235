"""The changelog has the sections of Keep a Changelog, and short entries, each once: it is merged by union."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
LONGEST = 300
"""Characters of an entry, without the targets of its links."""


def entries() -> list[str]:
    """Return the entries, each as one line without the targets of links."""
    found = re.findall(r"^- (.*(?:\n  .*)*)", CHANGELOG, re.MULTILINE)
    return [re.sub(r"\]\([^)]*\)", "]", " ".join(entry.split())) for entry in found]


def test_sections_are_those_of_keep_a_changelog() -> None:
    sections = re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)

    assert sections
    assert set(sections) <= SECTIONS


def test_no_entry_occurs_twice() -> None:
    assert [entry for entry, count in Counter(entries()).items() if count > 1] == []


def test_an_entry_is_short() -> None:
    assert [entry for entry in entries() if len(entry) > LONGEST] == []


def test_every_line_belongs_to_an_entry_a_heading_or_the_introduction() -> None:
    body = CHANGELOG[CHANGELOG.index("\n### ") :]
    loose = [line for line in re.sub(r"^- .*(?:\n  .*)*", "", body, flags=re.MULTILINE).splitlines() if line]

    assert [line for line in loose if not line.startswith("#")] == []

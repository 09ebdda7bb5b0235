"""Every decision record has the parts that the first one names, and a line in the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs/decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
INDEX = (FOLDER / "README.md").read_text("utf-8")
PARTS = ["Context", "Decision", "Consequences", "What would change it"]
STATUS = re.compile(r"(Accepted|Amended by|Superseded by)\b")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_a_number_a_status_and_all_parts(record: Path) -> None:
    title, _, status, *rest = record.read_text("utf-8").splitlines()

    assert title.startswith(f"# {int(record.name[:4])}. ")
    assert STATUS.match(status)
    assert [line.removeprefix("## ") for line in rest if line.startswith("## ")] == PARTS


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_the_index_has_each_record_with_its_title(record: Path) -> None:
    title = record.read_text("utf-8").splitlines()[0].partition(". ")[2]

    assert INDEX.count(f"* {record.name[:4]} [{title}]({record.name}): ") == 1


def test_no_two_records_have_one_number() -> None:
    numbers = [record.name[:4] for record in RECORDS]

    assert len(set(numbers)) == len(numbers)

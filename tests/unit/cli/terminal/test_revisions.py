"""A revision is printed as a diff of the way ahead, with all names made safe to print."""

from __future__ import annotations

from paigeant.cli.terminal.revisions import diff
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.step import Step
from paigeant.model.entries.wait import Wait
from paigeant.model.revision import RevisedEntry, Revision


def lines(ahead: int, added: dict[int, Entry], discarded: dict[int, Entry]) -> list[str]:
    made = {
        name: tuple(RevisedEntry.of(*each) for each in some.items()) for name, some in (("a", added), ("d", discarded))
    }
    return [line.plain for line in diff(Revision(author="plan", added=made["a"], discarded=made["d"], ahead=ahead))]


def test_added_discarded_and_kept_entries_are_told_in_their_order() -> None:
    added: dict[int, Entry] = {0: Step("vat", {"rate": 0.2}), 3: Wait("approved")}

    assert lines(5, added, {1: Step("ship")}) == [
        "  + vat(rate)",
        "    1 kept",
        "  - ship",
        "    1 kept",
        "  + wait approved",
        "    1 kept",
    ]


def test_what_is_discarded_at_the_end_and_all_of_it_is_told() -> None:
    assert lines(0, {}, {0: Step("a"), 1: Step("b")}) == ["  - a", "  - b"]
    assert lines(1, {}, {1: Step("b")}) == ["    1 kept", "  - b"]
    assert lines(2, {}, {}) == ["    2 kept"]

"""Revisions for people: changes of the itinerary as a diff."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from paigeant.cli.terminal.console import printable
from paigeant.cli.terminal.timeline import one_line, place_of
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.step import Step
from paigeant.model.revision import Revision
from paigeant.model.runs import RunView


def revision_lines(view: RunView) -> Iterator[Text]:
    """Yield the revisions of a run, in order."""
    for step in view.steps:
        if step.revision is not None:
            place = place_of(step)
            yield Text(f"\n{place}. {printable(step.step)} revised the way ahead{_why(step.revision)}")
            yield from diff(step.revision)


def _why(revision: Revision) -> str:
    return f": {one_line(revision.reason)}" if revision.reason else ""


def diff(revision: Revision) -> Iterator[Text]:
    """Yield the entries ahead: discarded, added, and the number of kept ones between them."""
    added = {each.at: each.entry for each in revision.added}
    discarded = {each.at: each.entry for each in revision.discarded}
    before = after = kept = 0
    while after < revision.ahead or discarded:
        if before in discarded:
            yield from _kept(kept)
            yield Text(f"  - {_entry(discarded.pop(before))}", style="red")
            before, kept = before + 1, 0
        elif after in added:
            yield from _kept(kept)
            yield Text(f"  + {_entry(added.pop(after))}", style="green")
            after, kept = after + 1, 0
        else:
            before, after, kept = before + 1, after + 1, kept + 1
    yield from _kept(kept)


def _kept(count: int) -> Iterator[Text]:
    if count:
        yield Text(f"    {count} kept", style="dim")


def _entry(entry: Entry) -> str:
    if not isinstance(entry, Step):
        return printable(entry.label if entry.label == entry.kind else f"{entry.kind} {entry.label}")
    arguments = ", ".join(sorted({*entry.arguments, *entry.claims}))
    return printable(entry.activity + (f"({arguments})" if arguments else ""))

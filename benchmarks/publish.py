"""From results to the page of the documentation: its tables, between two marks, and its plot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import results
from contest import HERE
from environments import python_of
from tables import tables

PAGE = HERE.parent / "docs" / "explanation" / "performance.md"
PLOT = PAGE.with_suffix(".svg")
BEGIN = "<!-- tables: written by `make bench-publish` -->"
END = "<!-- end of the tables -->"


def publish(found: Path) -> None:
    """Keep the results among the files of the project, write the tables, and draw the plot."""
    content = results.load(found)
    if not content:
        raise SystemExit(f"no results in {found}: run `make bench` first")
    results.PUBLISHED.parent.mkdir(exist_ok=True)
    if found != results.PUBLISHED:
        results.PUBLISHED.write_text(found.read_text("utf-8"), "utf-8")
    text = tables(content)
    if "throughput" in content:
        subprocess.run([python_of("plot"), HERE / "tools" / "plot.py", results.PUBLISHED, PLOT], check=True)
        text = f"![Steps per second of each system]({PLOT.name})\n\n{text}"
    PAGE.write_text(_between(PAGE.read_text("utf-8"), text), "utf-8")


def _between(page: str, text: str) -> str:
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.name} must hold the lines {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}"

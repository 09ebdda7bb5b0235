"""Where the time of a worker goes: py-spy's samples, by function, with and without what each calls."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

from contest import HERE, OWN
from environments import python_of
from places import Backend, Places
from workload import Job

RATE = 250
SHOWN = 25

WAITING = (
    "Condition.wait (threading.py)",
    "EpollSelector.select (selectors.py)",
    "WriterThread._run (paigeant/sql/sqlite/writer_thread.py)",
    "_worker (concurrent/futures/thread.py)",
)
"""Where a thread waits for work. On a virtual machine py-spy takes some of that for work."""

Stack = tuple[str, ...]


def profile(places: Places, backend: Backend, job: Job) -> None:
    """Print the functions in which a worker on this backend spends its time."""
    with places.place(backend, job, ours=True) as (placed, folder):
        samples = folder / "samples"
        spy = python_of("profile").with_name("py-spy")
        command = [spy, "record", "--format", "raw", "--output", samples]
        command += ["--rate", str(RATE), "--", sys.executable, HERE / OWN.script, placed.as_argument()]
        environment = os.environ | {"PYTHONPATH": str(HERE)}
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode or not samples.exists():
            raise SystemExit(done.stderr)
        answer = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{"))
        print(f"\n{backend.name}: {answer}\n")
        report(samples.read_text("utf-8"))


def report(raw: str) -> None:
    """Print the table; imports, and threads that wait, are left out."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    total = 0
    for line in raw.splitlines():
        text, _, count = line.rpartition(" ")
        stack = [_short(frame) for frame in text.split(";")]
        if stack[-1] in WAITING or any("importlib" in frame for frame in stack):
            continue
        total += int(count)
        own[stack[-1]] += int(count)
        whole.update(dict.fromkeys(stack, int(count)))
    for title, counted in (("self", own), ("with what it calls", whole)):
        print(f"{title:>8} %")
        for name, count in counted.most_common(SHOWN):
            print(f"  {100 * count / total:6.1f}  {name}")


def _short(frame: str) -> str:
    """Return function and file without the folder that all share, and without the line."""
    name, _, place = frame.partition(" (")
    path = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    for mark in ("site-packages/", "/src/", "lib/python3.11/"):
        path = path.rpartition(mark)[2]
    return f"{name} ({path})"

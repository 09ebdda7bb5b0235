"""``python benchmarks COMMAND``: what the Makefile's ``bench`` targets call."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import results
from check import check
from hotspots import profile
from measures import MEASURES
from places import ALL, Places
from publish import publish
from scale import FULL, QUICK
from tables import tables
from workload import Job


def main() -> int:
    """Run the command; returns the exit code."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that its servers are stopped as well
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paigeant-bench-")))
        root.chmod(0o755)
        places = Places(root, stack)
        match asked.command:
            case "check":
                return 0 if check(places, asked.floor) else 1
            case "profile":
                for backend in (backend for backend in ALL if asked.backend in backend.name.lower()):
                    profile(places, backend, replace(Job(), runs=asked.runs))
            case "publish":
                publish(asked.results)
            case _:
                _run(places, asked)
    return 0


def _run(places: Places, asked: argparse.Namespace) -> None:
    """Measure, keep what was found after each measure, and show all that there is."""
    if not asked.keep:
        asked.results.unlink(missing_ok=True)
    for name in asked.only or MEASURES:
        print(f"{name}:", flush=True)
        found = MEASURES[name](places, QUICK if asked.quick else FULL)
        results.add(asked.results, name, found, "quick" if asked.quick else "full")
    print(tables(results.load(asked.results)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure, and write what was found as JSON")
    run.add_argument("--quick", action="store_true", help="small sizes, one round: a look, no figures to stand by")
    run.add_argument("--only", nargs="+", choices=list(MEASURES), help="these measures instead of all")
    run.add_argument("--keep", action="store_true", help="beside the measures that are in the file already")
    guard = commands.add_parser("check", help="fail if Paigeant reaches too little of the engine loop")
    guard.add_argument("--floor", type=float, help="the share that is enough, by default what was reached before")
    hot = commands.add_parser("profile", help="where the time of a worker goes")
    hot.add_argument("--backend", default="", help="of these only, as sqlite or rabbitmq")
    hot.add_argument("--runs", type=int, default=2000)
    page = commands.add_parser("publish", help="write what was found into the documentation")
    for one in (run, page):
        one.add_argument("--results", type=Path, default=results.LATEST, help="the JSON file")
    return parser.parse_args()


sys.exit(main())

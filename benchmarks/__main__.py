"""``python benchmarks COMMAND``: what the Makefile's ``bench`` targets call."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from check import FLOOR, check
from places import Places


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    guard = commands.add_parser("check", help="fail if Paigeant reaches too little of the engine loop")
    guard.add_argument("--floor", type=float, default=FLOOR, help="the share that is enough")
    asked = parser.parse_args()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paigeant-bench-")))
        root.chmod(0o755)
        return 0 if check(Places(root, stack), asked.floor) else 1


sys.exit(main())

"""Fuzz what reads from outside, led by coverage: ``python -m tests.fuzz SECONDS [TARGET...]``, ``make fuzz``.

The seconds are shared by the targets. What is found is left in ``.fuzz/found``, and what led further in
``.fuzz/TARGET``, for the next time to begin there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".fuzz"
FOUND = CORPUS / "found"
SEEDS = Path(__file__).parent / "seeds"
STARTING = 60
"""Seconds that a target may take beyond its share, to look through its corpus."""


def fuzz(atheris: Any, name: str, target: Callable[[bytes], None], seconds: int) -> None:
    """Fuzz one target in this process, which ends with it."""
    log = os.open(CORPUS / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={FOUND}/{name}-", "-max_len=4096", "-timeout=10"]
    atheris.Setup([sys.argv[0], *options, str(CORPUS / name), str(SEEDS / name)], target)
    atheris.Fuzz()


def hold(atheris: Any, name: str, target: Callable[[bytes], None], seconds: int) -> bool:
    """Fuzz one target in a process of its own; returns whether nothing was found, and says it."""
    (CORPUS / name).mkdir(exist_ok=True)
    before = set(FOUND.iterdir())
    process = get_context("fork").Process(target=fuzz, args=(atheris, name, target, seconds))
    process.start()
    process.join(seconds + STARTING)
    hung = process.is_alive()
    if hung:
        process.kill()
        process.join()
    sound = not hung and process.exitcode == 0
    sys.stdout.write(f"{name}: {f'nothing in {seconds} s' if sound else 'found something'}\n")
    if not sound:
        sys.stdout.write((CORPUS / f"{name}.log").read_text("utf-8", "replace")[-4000:])
    for file in set(FOUND.iterdir()) - before:
        sys.stdout.write(f"{file.relative_to(ROOT)}: fix it, and keep it under {(SEEDS / name).relative_to(ROOT)}\n")
    sys.stdout.flush()
    return sound


def main() -> int:
    """Fuzz the targets that are named, or all; returns 1 if anything was found."""
    FOUND.mkdir(parents=True, exist_ok=True)
    atheris: Any = import_module("atheris")  # only there where somebody fuzzes: see the Makefile
    with atheris.instrument_imports(include=["paigeant"]):
        targets = import_module("tests.fuzz.targets").TARGETS
    asked = sys.argv[2:] or list(targets)
    share = max(int(sys.argv[1]) // len(asked), 1)
    sound = [hold(atheris, name, targets[name], share) for name in asked]
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())

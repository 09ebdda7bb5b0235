"""The harness of `make chaos`, on SQLite and in small: workers die, and the books are in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow  # `make chaos` plays it on every backend
@pytest.mark.timeout(120)
def test_the_books_are_in_order_after_workers_were_killed_and_stopped() -> None:
    command = [sys.executable, "-m", "chaos", "run", "sqlite", "--plan", "smoke", "--seed", "1"]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)

    assert played.returncode == 0, played.stdout + played.stderr
    assert " 0 breaches" in played.stdout

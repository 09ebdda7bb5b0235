"""The trip keeps what its README says: the card is declined, and three services undo what each of them has booked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "trip"
PATIENCE = 150

pytestmark = pytest.mark.timeout(200)


def test_the_command_of_the_readme_books_two_trips_and_undoes_the_one_that_is_not_paid_for(tmp_path: Path):
    folder = tmp_path / "a project" / "trip"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".paigeant", "__pycache__", "*.db"))
    environment = {key: value for key, value in os.environ.items() if not key.upper().startswith("PAIGEANT_")}

    done = subprocess.run(
        [sys.executable, folder / "trip.py"],
        cwd=folder.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Rome: completed" in done.stdout
    assert "Oslo: compensated (the card was declined)" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("in the books: ")] == [
        "in the books: a seat to Rome on 2030-06-01, booked",
        "in the books: a room in Rome for 3 nights, booked",
        "in the books: a car in Rome for 4 days, booked",
        "in the books: a seat to Oslo on 2030-06-01, cancelled",
        "in the books: a room in Oslo for 3 nights, cancelled",
        "in the books: a car in Oslo for 4 days, cancelled",
    ]


def test_the_readme_names_the_command_and_every_file():
    readme = (EXAMPLE / "README.md").read_text("utf-8")

    assert "python examples/trip/trip.py" in readme
    for path in ("agency.py", "flights/", "hotels/", "cars/", "trip.py"):
        assert f"`{path}`" in readme
        assert (EXAMPLE / path).exists()

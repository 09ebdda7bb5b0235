"""The program within this process: what it prints, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from paigeant.cli.program import run


class Ended(NamedTuple):
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture(autouse=True)
def _any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without what says how wide and coloured the output is: whoever runs the tests may have set it."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def paigeant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Return what runs a command in a folder of the test's own, with the settings given and no others."""
    monkeypatch.chdir(tmp_path)

    def paigeant(*words: str, **settings: str) -> Ended:
        capsys.readouterr()
        with monkeypatch.context() as environment:
            for name, value in settings.items():
                environment.setenv(f"PAIGEANT_{name.upper()}", value)
            code = run(words)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return paigeant

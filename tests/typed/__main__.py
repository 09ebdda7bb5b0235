"""What type checkers report about a user's program: by pyright, strict, and by mypy, strict.

``python -m tests.typed`` checks what must be accepted and what must be refused, by both; and by pyright every example,
the file that ``paigeant init`` writes, and each document with its code blocks as one program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
Found = dict[str, list[tuple[int, str]]]
"""Errors by file, each with its line."""


def lay_out(folder: Path) -> None:
    """Copy all that is checked into a folder, documents as programs."""
    for path in (HERE / "accepted.py", HERE / "refused.py"):
        shutil.copy(path, folder)
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copy(ROOT / "src/paigeant/cli/scaffold/handlers.py.txt", folder / "scaffold.py")
    for path in documents():
        program = as_program(path.read_text("utf-8"))
        if program is not None:
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "_").replace("-", "_")
            (folder / f"{name}.py").write_text(program, "utf-8")


def documents() -> Iterator[Path]:
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def as_program(document: str) -> str | None:
    """Return the Python blocks of a document, on the lines where they stand; None if there are none."""
    lines, inside = [], False
    for line in document.splitlines():
        fence = re.match(r"```(\w*)", line)
        if fence:
            inside = fence[1] == "python"
        lines.append(line if inside and not fence else "")
    return "\n".join(lines) + "\n" if any(lines) else None


def pyright(folder: Path) -> Found:
    config = {"include": ["."], "strict": ["."], "pythonVersion": "3.11", "reportMissingModuleSource": False}
    config["executionEnvironments"] = [{"root": str(each.relative_to(folder))} for each in examples(folder)]
    (folder / "pyrightconfig.json").write_text(json.dumps(config), "utf-8")
    environ = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    command = [BIN / "pyright", "-p", folder, "--pythonpath", sys.executable, "--outputjson"]
    said = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    found: Found = {}
    for each in json.loads(said.stdout)["generalDiagnostics"]:
        name = Path(each["file"]).resolve().relative_to(folder).as_posix()
        found.setdefault(name, []).append((each["range"]["start"]["line"] + 1, each["message"]))
    return found


def examples(folder: Path) -> list[Path]:
    """Each example imports from its own folder."""
    return sorted(path for path in (folder / "examples").iterdir() if path.is_dir())


def mypy(folder: Path) -> Found:
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"]
    command += ["--no-incremental", "--hide-error-context", "accepted.py", "refused.py"]
    said = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    found: Found = {}
    for line in said.stdout.splitlines():
        match = re.fullmatch(r"(.+?):(\d+): error: (.*)", line)
        if match:
            found.setdefault(match[1], []).append((int(match[2]), match[3]))
    if said.stderr or not found:
        sys.exit(f"mypy failed: {said.stderr or said.stdout or 'it found nothing to refuse'}")
    return found


def judge(checker: str, found: Found) -> Iterator[str]:
    """Say what is wrong: an error where there should be none, and none where there should be one."""
    wrong = {number for number, line in enumerate((HERE / "refused.py").open(), 1) if line.endswith("# wrong\n")}
    refused = {line for line, _ in found.pop("refused.py", [])}
    for line in sorted(wrong - refused):
        yield f"refused.py:{line}: {checker} accepts it"
    for line in sorted(refused - wrong):
        yield f"refused.py:{line}: {checker} refuses it, and should not"
    for name, errors in sorted(found.items()):
        for line, message in errors:
            yield f"{name}:{line}: {checker}: {message}"


def main() -> int:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        lay_out(folder)
        problems = [*judge("pyright", pyright(folder)), *judge("mypy", mypy(folder))]
    for problem in problems:
        print(problem)  # noqa: T201  (it is what it is for)
    return 1 if problems else 0


sys.exit(main())

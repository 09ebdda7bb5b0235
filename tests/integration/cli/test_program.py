"""Whatever is typed, the answer is a result, or a line or two that say what was wrong, with the right exit code."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

import pytest

from paigeant import __version__

COMMANDS = [
    "init",
    "run",
    "dispatch",
    "runs",
    "show",
    "workflows",
    "workers",
    "cancel",
    "terminate",
    "retry",
    "variables",
    "signal",
    "audit",
    "keys",
    "dead",
    "prune",
    "doctor",
    "config",
    "db",
]


def test_the_version_is_printed(empty: Any):
    ended = empty.process("--version")

    assert (ended.returncode, ended.stdout) == (0, f"paigeant {__version__}\n")


def test_the_help_lists_every_command(empty: Any):
    ended = empty.paigeant("--help")

    assert ended.returncode == 0
    assert [name for name in COMMANDS if f" {name} " not in ended.stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(empty: Any, command: str):
    ended = empty.paigeant(command, "--help")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Usage" in ended.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dispach"], "error: no command 'dispach'; did you mean 'dispatch'?\n"),
        (["runs", "--limit", "many"], "error: --limit: a whole number is expected"),
        (["runs", "--status", "happy"], "--status: 'happy' is none of 'pending', 'running'"),
        (["show"], "name the run: its id, its beginning, or --last for the newest; see"),
        (["db"], "error: name a command; see `paigeant db --help`\n"),
        (["runs", "--colour"], "error: no option --colour; see `paigeant runs --help`\n"),
        (["dispatch", "hello", "input.json", "--timeout", "3"], "it needs --wait"),
        (["run"], "error: no handlers: name a file"),
    ],
)
def test_a_usage_error_is_one_line_and_exits_2(empty: Any, words: list[str], said: str):
    ended = empty.paigeant(*words)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_failure_under_json_is_json_on_stdout(empty: Any):
    bad_usage = empty.paigeant("runs", "--json", "--limit", "many")
    bad_setting = empty.paigeant("runs", "--json", PAIGEANT_STORE="kafka://x")

    assert (bad_usage.returncode, bad_usage.stderr) == (2, "")
    assert json.loads(bad_usage.stdout)["error"]["type"] == "UsageError"
    assert (bad_setting.returncode, bad_setting.stderr) == (2, "")
    error = json.loads(bad_setting.stdout)["error"]
    assert error["type"] == "UnknownScheme"
    assert error["message"].startswith("no store plugin for 'kafka://x'; known schemes: memory, ")


def test_a_traceback_is_shown_when_asked_for(empty: Any):
    plain = empty.paigeant("runs", PAIGEANT_STORE="kafka://x")
    flag = empty.paigeant("runs", "--debug", PAIGEANT_STORE="kafka://x")
    variable = empty.paigeant("runs", PAIGEANT_STORE="kafka://x", PAIGEANT_DEBUG="1")

    assert ["Traceback" in ended.stderr for ended in (plain, flag, variable)] == [False, True, True]
    assert {ended.returncode for ended in (plain, flag, variable)} == {2}


def test_the_settings_are_shown_with_where_they_came_from(empty: Any):
    file = empty.write("paigeant.yaml", "concurrency: 3\n")
    store = "redis://ada:hunter2@host"

    shown = empty.json("config", PAIGEANT_TRANSPORT=store)
    table = empty.paigeant("config", PAIGEANT_TRANSPORT=store)

    assert shown["file"] == str(file)
    assert shown["settings"]["concurrency"] == {"value": 3, "from": str(file)}
    assert shown["settings"]["transport"] == {"value": "redis://ada:***@host", "from": "PAIGEANT_TRANSPORT"}
    assert shown["settings"]["namespace"]["from"] == "default"
    assert "hunter2" not in table.stdout + table.stderr


def test_a_command_loads_only_what_it_needs(empty: Any):
    loaded = loaded_by(empty, "--version")

    assert loaded.isdisjoint({"asyncio", "pydantic", "rich", "paigeant.app", "paigeant.cli.runs.dispatch"})


def test_a_worker_on_sqlite_loads_neither_another_database_nor_what_only_some_steps_need(empty: Any):
    empty.write("handlers.py", "from paigeant import activity\n\n\n@activity.execute()\ndef greet() -> None: ...\n")
    drain = ("run", "handlers.py", "--drain", "--idle", "100ms")
    loaded_by(empty, *drain)  # makes the database, with its migrations

    loaded = loaded_by(empty, *drain)

    assert "sqlalchemy.dialects.sqlite" in loaded
    assert loaded.isdisjoint(
        {
            *("alembic", "asyncpg", "mako", "sqlalchemy.dialects.postgresql", "paigeant.sql.statements.at_once.commit"),
            *("cel", "cryptography", "httpx2", "joserfc", "opentelemetry", "pydantic_ai"),
            *("aio_pika", "fastapi", "redis", "paigeant.web", "paigeant.testing"),
        }
    )


def loaded_by(empty: Any, *words: str) -> set[str]:
    """Return the modules that a command has loaded when it ends."""
    script = (
        f"import sys; sys.argv = ['paigeant', *{words!r}]\n"
        "from paigeant.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: print(ended.code, *sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=empty.folder,
        env=empty.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    code, *modules = ended.stdout.splitlines()[-1].split()
    assert code in {"0", "None"}, ended.stderr
    return set(modules)


def cost(command: str, empty: Any) -> float:
    """Return the seconds of CPU that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert empty.process(command).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_help_costs_little_more_than_the_version(empty: Any):
    ratios = (cost("--help", empty) / cost("--version", empty) for _ in range(3))

    assert any(ratio <= 1.5 for ratio in ratios)  # the first will do, unless the machine was at something else

"""What needs an extra says which one brings it; what needs none works without."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

HIDDEN = """
import sys
sys.modules |= dict.fromkeys(
    ["pytest", "hypothesis", "asyncpg", "greenlet", "redis", "aio_pika", "uvloop", "openai", "fastapi",
     "starlette", "uvicorn", "jinja2", "opentelemetry.sdk", "opentelemetry.exporter"]
)
"""
"""What the extras bring, as if it were not installed."""


def run(code: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HIDDEN + code]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


def test_an_application_in_memory_needs_no_extra():
    ended = run("""
import asyncio
from paigeant import ActivityRegistry, Workflow, testing
registry = ActivityRegistry()
registry.execute("greet")(lambda name: f"Hello {name}")
async def main():
    async with testing.app(registry, workflows=[Workflow("w", ["greet"], activities=registry)]) as app:
        run = await app.dispatch("w", {"name": "Ada"})
        print((await run.result(timeout=10)).output)
asyncio.run(main())
""")

    assert (ended.returncode, ended.stdout) == (0, "Hello Ada\n"), ended.stderr


def test_the_suites_say_which_extra_brings_what_they_need():
    ended = run("import paigeant.testing.contracts")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: the suites for backends need hypothesis: pip install 'paigeant[testing]' pytest-asyncio"
    )


def test_every_command_says_what_it_does_without_any_extra():
    ended = run("""
from importlib import import_module
from pkgutil import walk_packages
from typer.main import get_command
from typer.testing import CliRunner
import paigeant.cli
for module in walk_packages(paigeant.cli.__path__, "paigeant.cli."):
    import_module(module.name)
from paigeant.cli.program import app

def commands(command, words=()):
    yield words
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from commands(command.get_command(None, name), (*words, name))

found = list(commands(get_command(app)))
for words in found:
    said = CliRunner().invoke(app, [*words, "--help"])
    assert said.exit_code == 0, (words, said.output, said.exception)
print(len(found))
""")

    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 20


def test_variables_of_opentelemetry_end_no_program_that_lacks_it():
    variables = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    ended = run(
        """
from paigeant import ActivityRegistry, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
for _ in range(2):
    Paigeant(ActivityRegistry(), settings=Settings(store="memory://"))
""",
        variables,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("OpenTelemetry is missing: pip install 'paigeant[otel]'") == 1

"""What needs an extra says which one brings it; what needs none works without."""

from __future__ import annotations

import subprocess
import sys

HIDDEN = "import sys; sys.modules |= dict.fromkeys(['pytest', 'hypothesis', 'asyncpg', 'redis', 'aio_pika'])\n"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", HIDDEN + code], capture_output=True, text=True, check=False)


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

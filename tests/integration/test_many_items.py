"""A list may be long: its items go through in time that grows with them, and in memory that does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio, json, resource, sys, time
from paigeant import ActivityRegistry, ForEach, Paigeant, Workflow
from paigeant.config import Settings

registry = ActivityRegistry()


@registry.execute
async def step(lead: int) -> int:
    return lead


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(store: str, items: int) -> None:
    each = Workflow("each", [ForEach("lead", in_="leads", step="step", max_concurrency=256)])
    async with Paigeant(registry, workflows=[each], settings=Settings(store=store)) as app, app.worker():
        before, began = megabytes(), time.process_time()
        run = await app.dispatch("each", {"leads": list(range(items))})
        while not (status := await run.status()).final:
            await asyncio.sleep(0.2)
        grown, seconds = megabytes() - before, time.process_time() - began
        right = (await run.view()).output == list(range(items))
    print(json.dumps({"status": status, "right": right, "grown": grown, "seconds": seconds}))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def play(folder: Path, items: int) -> dict[str, Any]:
    """Run as many items in a process of their own; return what it took."""
    words = [sys.executable, "-c", PROGRAM, f"sqlite:///{folder}/{items}.db", str(items)]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True, timeout=280).stdout)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_items_take_little_memory_and_no_more_time_each_than_a_thousand(tmp_path: Path):
    few, many = play(tmp_path, 1_000), play(tmp_path, 10_000)

    for played in (few, many):
        assert (played["status"], played["right"]) == ("completed", True)
    assert many["grown"] < 64, "megabytes"
    assert many["seconds"] / 10 < 2 * few["seconds"]

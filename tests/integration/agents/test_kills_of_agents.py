"""What is recorded is never paid again: the bill exceeds the calls by no more than the deaths of workers."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.provider import Provider, serving

PROGRAM = Path(__file__).with_name("agents_at_work.py")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as provider:
        yield provider


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/p.db" if request.param == "sqlite" else request.getfixturevalue("shared_postgres")


async def at_work(provider: Provider, store: str, folder: Path, **how: Any) -> Any:
    """Return what the program says in the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), store, f"kills-{secrets.token_hex(6)}", json.dumps(how)),
        cwd=folder,
        env={**os.environ, "PROVIDER": provider.url},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(said)


CASES = [
    pytest.param("after", "recorded", id="after, helper recorded"),
    pytest.param("after", "counted", id="after, helper counted", marks=pytest.mark.slow),
    pytest.param("before", "recorded", id="before, helper recorded", marks=pytest.mark.slow),
    pytest.param("before", "counted", id="before, helper counted", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("side", "within"), CASES)
async def test_killed_at_each_checkpoint_an_agent_pays_once_and_once_more_for_each_kill(
    provider: Provider, store: str, tmp_path: Path, side: str, within: str
):
    covered = within == "recorded"
    said = await at_work(provider, store, tmp_path, prompt="buy", side=side, covered=covered, kills=20)

    assert (said["status"], said["output"]) == ("completed", "done")
    assert said["kills"] >= 8
    distinct = {("orders", turn) for turn in range(5)} | {("helper", 0)}
    assert set(provider.bill) == distinct
    assert len(provider.bill) <= len(distinct) + said["kills"]
    charged = sorted((model, tokens) for model, tokens, _ in said["ledger"])
    assert charged == [("helper", 10), *(("orders", 10 * turn) for turn in range(1, 6))]


@pytest.mark.slow
async def test_a_step_of_fifty_calls_that_is_killed_ten_times_pays_for_sixty_at_most(
    provider: Provider, tmp_path: Path
):
    how = {"prompt": "50", "model": "long", "side": "before", "covered": True, "kills": 10}
    said = await at_work(provider, f"sqlite:///{tmp_path}/p.db", tmp_path, **how)

    assert (said["status"], said["output"], said["kills"]) == ("completed", "done", 10)
    assert len(set(provider.bill)) == 50
    assert len(provider.bill) <= 60
    assert len(said["ledger"]) == 50

"""A workflow and a run can be drawn: what may happen, what happened, and what is left."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant import ActivityRegistry, Parallel, Revised, Step, Switch, Terminal, Workflow


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()

    @made.execute
    async def reserve() -> str:
        return "reserved"

    @made.compensate("reserve")
    async def release() -> None: ...

    @made.execute
    async def plan() -> Revised[str]:
        return Revised("planned", insert=[Step("reserve")], drop=["ship"])

    @made.execute
    async def charge() -> None:
        raise Terminal("declined")

    @made.execute
    async def ship() -> str:
        return "shipped"

    return made


async def test_a_run_is_drawn_with_what_happened_and_what_is_left(serve: Any):
    flow = Workflow("w", ["plan", "ship", Switch({"true": [Step("ship", when="false"), "charge"]}), "ship"])
    app = await serve(flow)
    run = await app.dispatch("w", {})

    await run.result(timeout=20)
    picture = await run.mermaid()

    boxes = [line.strip().partition('"')[2].rpartition('"')[0] for line in picture.splitlines() if "-->" not in line]
    assert [box for box in boxes if box] == [
        "w",
        "1. plan, revised: 1 added, 2 discarded",
        "2. reserve",
        "3. switch: true",
        "4. ship, skipped",
        "5. charge",
        "6. undo reserve",
        "compensated",
    ]
    assert "class n1,n2,n3 done" in picture
    assert "class n4 skipped" in picture
    assert "class n5,n7 failed" in picture
    assert "class n6 undone" in picture
    assert flow.mermaid().startswith('flowchart TD\n  n0(["w"])\n')


async def test_of_a_run_under_way_what_is_ahead_is_drawn(serve: Any):
    app = await serve(Workflow("w", ["ship", "charge"]), worker=False)

    picture = await (await app.dispatch("w", {})).mermaid()

    assert '  n2["charge"]\n' in picture
    assert "class n2 ahead" in picture
    assert '(["pending"])' in picture


async def test_a_run_continues_behind_its_branches_as_its_workflow_does(serve: Any):
    flow = Workflow("w", [Parallel("ship", Parallel("reserve", copies="ship")), "reserve"])
    app = await serve(flow)
    run = await app.dispatch("w", {})
    await run.result(timeout=20)

    planned, ran = flow.mermaid(), await run.mermaid()

    arrows = [[line.split("|")[0] for line in text.splitlines() if "-->" in line] for text in (planned, ran)]
    assert arrows[0] == arrows[1]

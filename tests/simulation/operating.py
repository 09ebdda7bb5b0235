"""What people do to the runs of a world, whether or not they hear what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from paigeant.app.calls.approvals import Approvals
from paigeant.app.observing.run_ends import RunEnds
from paigeant.app.run import Run
from paigeant.errors import InvalidInput, WrongState
from paigeant.model.people.approvals import ApprovalStatus, AskedKind
from tests.simulation.schedule import Incident
from tests.simulation.witness import family

if TYPE_CHECKING:
    from tests.simulation.world import World


async def operate(world: World, incident: Incident, number: int) -> None:
    """Do to a run what was drawn; a run that is not in a state for it is left as it is."""
    what = incident.what
    runtime = world.runtime("operator")
    run = Run(runtime, world.witness.runs[number], RunEnds(runtime.store))
    world.touched[number].add(what)
    if what == "resume":
        world.witness.resumed.update(each.workflow_id for each in family(world.rows, run.workflow_id))
    do: dict[str, Callable[[], Awaitable[Any]]] = {
        "cancel": run.cancel,
        "compensate": lambda: run.cancel(compensate=True),
        "terminate": run.terminate,
        "resume": run.retry,
        "signal": lambda: _signal(world, run, incident.after),
        "fork": lambda: run.fork(1 + incident.after % 3 if incident.after % 4 else None),
    }
    world.note(f"r{number}: somebody wants to {what} it")
    try:
        await world.insist(do[what])
    except (WrongState, InvalidInput):
        return
    world.note(f"r{number}: {what} is heard")


async def _signal(world: World, run: Run[Any], word: int) -> None:
    """Send a signal, each other one twice: it counts once."""
    for _ in range(1 + word % 2):
        await run.signal("word", word, signal_id=str(word))
        world.signalled[run.workflow_id].add(str(word))


async def answer_questions(world: World) -> None:
    """Be the person who looks now and then what is asked, and answers it."""
    approvals, dice = Approvals(lambda: world.runtime("person")), Random(f"person {world.schedule.seed}")
    while True:
        await asyncio.sleep(dice.uniform(0.1, 1.5))
        for asked in [row for row in world.rows.calls.approvals.values() if row.status is ApprovalStatus.OPEN]:
            say: Callable[[], Awaitable[Any]] = partial(approvals.approve, asked.id, by="person")
            if asked.asked.kind is AskedKind.UNKNOWN:
                say = partial(approvals.answer, asked.id, "charged", by="person")
            elif dice.random() < 0.2:
                say = partial(approvals.deny, asked.id, by="person")
            elif asked.asked.kind is AskedKind.BUDGET:
                more = {"tokens": 2 * from_json(asked.asked.arguments)["tokens"]}
                say = partial(approvals.approve, asked.id, edit=more, by="person")
            try:
                await world.insist(say)
            except WrongState:
                continue

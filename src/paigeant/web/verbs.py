"""Pages with commands: each shows its effect first, and is refused if the run has changed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from fastapi import APIRouter, Request
from pydantic_core import from_json
from starlette.responses import RedirectResponse, Response

from paigeant.app import Run
from paigeant.errors import InvalidInput
from paigeant.model.runs import Direction, RunView, StepStatus
from paigeant.protocol.operate import unknown_worker
from paigeant.web.access import Role
from paigeant.web.rendering import page
from paigeant.web.requests import (
    app_of,
    by_workflow,
    find_run,
    form_body,
    require,
    require_unchanged,
    version_of,
)

router: Final = APIRouter(include_in_schema=False)

CHOICES: Final = {
    "retry": "The run goes on from the step that failed, or that waits, with all its attempts.",
    "accept": "The run goes on with whatever code serves its step, though that may not fit.",
    "cancel": "The run ends at the next beat of its worker; what it has done stays done.",
    "compensate": "The run ends, and what it has done is undone.",
    "terminate": "The run ends now. Nothing is undone, and what runs at the moment is not recorded.",
    "fork": (
        "A run of its own begins at the place: it takes over what this one had before, without doing it again, and "
        "executes the rest anew. This one stays as it is, and nothing that was taken over is ever undone."
    ),
    "signal": "The run goes on if it waits for this signal; else the signal is kept for the next wait.",
}
"""Verbs, with the effect of each on a run."""


def _verb(name: str) -> str:
    if name not in CHOICES:
        raise InvalidInput(f"there is no verb {name!r}; there are: {', '.join(CHOICES)}")
    return name


@router.get("/runs/{workflow_id}/do/{verb}")
@by_workflow
async def confirm(request: Request, workflow_id: str, verb: str, name: str = "") -> Response:
    """Describe the effect of a verb on a run, and ask for confirmation."""
    require(request, Role.OPERATOR)
    view = await (await find_run(request, workflow_id)).view()
    said = CHOICES[_verb(verb)]
    if verb == "compensate":
        said += f" {_undone(view)}"
    places = [hop for hop in view.journey if not hop.path and hop.direction is Direction.EXECUTE]
    return page(
        request, "confirm.html", run=view, verb=verb, said=said, version=version_of(view), name=name, places=places
    )


def _undone(view: RunView) -> str:
    """Describe the steps that would be undone, if known: the completed ones, the latest first."""
    done = [
        step.step
        for step in reversed(view.steps)
        if step.direction is Direction.EXECUTE and step.status is StepStatus.COMPLETED
    ]
    return (
        f"Of these, in this order, what has a compensation: {', '.join(done)}."
        if done
        else "Nothing has completed yet."
    )


@router.post("/runs/{workflow_id}/do/{verb}")
@by_workflow
async def do(request: Request, workflow_id: str, verb: str) -> Response:
    """Apply the verb, and show the run."""
    require(request, Role.OPERATOR)
    fields = await form_body(request)
    run = await find_run(request, workflow_id)
    require_unchanged(await run.view(), fields.get("version"))
    match _verb(verb):
        case "retry":
            await run.retry()
        case "accept":
            await run.retry(accept_contract=True)
        case "cancel":
            await run.cancel()
        case "compensate":
            await run.cancel(compensate=True)
        case "signal":
            await run.signal(fields.get("name", ""), fields.get("payload") or None)
        case "fork":
            run = await _fork(run, fields)
        case _:
            await run.terminate()
    return RedirectResponse(f"{request.scope.get('root_path', '')}/runs/{run.workflow_id}", 303)


async def _fork(run: Run[Any], fields: Mapping[str, str]) -> Run[Any]:
    """Fork a run by a form; raises InvalidInput for outputs that are not an object."""
    try:
        outputs: Any = from_json(fields.get("outputs", "").strip() or "{}", allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput(f"the outputs are no JSON: {error}") from None
    if not isinstance(outputs, dict):
        raise InvalidInput('the outputs should be an object by step, as {"charge": 5}')
    keeps = fields.get("keep_checkpoints") == "on"
    return await run.fork(fields.get("from") or None, cast("dict[str | int, Any]", outputs), keep_checkpoints=keeps)


@router.get("/workers/{worker}/drain")
async def confirm_drain(request: Request, worker: str) -> Response:
    """Describe the effect on a worker, and ask for confirmation."""
    require(request, Role.OPERATOR)
    cards = {each.id: each for each in await app_of(request).list_workers()}
    if worker not in cards:
        raise unknown_worker(worker)
    others = {topic for each in cards.values() for topic in each.served if each.id != worker}
    alone = sorted({*cards[worker].topics} - others)
    return page(request, "drain.html", worker=cards[worker], alone=alone)


@router.post("/workers/{worker}/drain")
async def do_drain(request: Request, worker: str) -> Response:
    """Drain the worker, and show all workers."""
    require(request, Role.OPERATOR)
    await form_body(request)
    await app_of(request).administration.drain_worker(worker)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/workers", 303)


@router.post("/dead-letters/{letter_id}/{verb}")
async def do_letter(request: Request, letter_id: int, verb: str) -> Response:
    """Replay or drop a dead letter."""
    require(request, Role.ADMIN if verb == "drop" else Role.OPERATOR)
    await form_body(request)
    administration = app_of(request).administration
    if verb == "drop":
        await administration.drop_dead_letters([letter_id])
    elif verb == "replay":
        await administration.replay_dead_letters([letter_id])
    else:
        raise InvalidInput(f"there is no verb {verb!r} for dead letters; there are: replay, drop")
    return RedirectResponse(f"{request.scope.get('root_path', '')}/dead-letters", 303)

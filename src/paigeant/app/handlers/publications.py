"""Publications: workflows that can be dispatched from here, and living workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel

from paigeant.abc import Directory, Published
from paigeant.errors import UnknownWorkflow
from paigeant.model.entries.entry import FLOW
from paigeant.model.plan import Plan, WorkerCard
from paigeant.model.values.showing import shown

_NAMED: Final = 5
"""Number of workers, and of workflows of each, that an error names."""


class WorkflowListing(BaseModel, frozen=True):
    """A workflow that can be dispatched: its steps, those without a living worker, and its publishers.

    ``itinerary`` has an outline of each entry, with its alternatives and conditions; ``steps`` has all their
    activities, each once. ``workers`` are the ids of living workers that published it; it may also have been published
    by earlier workers, or be declared in this process or its settings.
    """

    name: str
    itinerary: tuple[str, ...]
    steps: tuple[str, ...]
    unserved: tuple[str, ...]
    workers: tuple[str, ...]


async def list_workers(directory: Directory) -> list[WorkerCard]:
    """Return the living workers with the activities they serve, without flow hops, which every worker serves."""
    cards = await directory.list_workers()
    return [replace(card, topics=tuple(name for name in card.topics if name != FLOW)) for card in cards]


async def list_workflows(here: Mapping[str, Plan], directory: Directory) -> list[WorkflowListing]:
    """Return the workflows that are known here or were ever published, by name."""
    workers, published = await directory.list_workers(), await directory.list_plans()
    found = await directory.find_plans([name for name in published if name not in here])
    plans = [*here.values(), *found.values()]
    return [listing_of(plan, workers) for plan in sorted(plans, key=lambda plan: plan.name)]


def listing_of(plan: Plan, workers: Iterable[WorkerCard]) -> WorkflowListing:
    """Return what there is to say of a workflow, with these workers."""
    steps = tuple(dict.fromkeys(step.activity for step in plan.steps))
    served = {topic for card in workers for topic in card.served}
    return WorkflowListing(
        name=plan.name,
        itinerary=tuple(entry.outline for entry in plan.itinerary),
        steps=steps,
        unserved=tuple(name for name in steps if name not in served),
        workers=tuple(card.id for card in workers if plan.name in card.workflows),
    )


async def unknown_workflow(name: str, here: Iterable[str], directory: Published) -> UnknownWorkflow:
    """Return the error for a workflow unknown here and to the store; it lists living workers and their workflows."""
    known = sorted({*here, *await directory.list_plans()})
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}" if known else ""
    text = f"no workflow {shown(name)}, neither here nor published by a worker{hint}"
    text += f"; {_describe_live_workers(await directory.list_workers())}"
    if not known:
        text += "; start its worker once, or name its handlers (--handlers, or handlers: in paigeant.yaml)"
    return UnknownWorkflow(text)


def _describe_live_workers(workers: list[WorkerCard]) -> str:
    if not workers:
        return "no worker is up"
    said = [f"{card.id} published {_some(card.workflows) or 'none'}" for card in workers[:_NAMED]]
    more = f", and {len(workers) - _NAMED} more" if len(workers) > _NAMED else ""
    return f"workers that are up: {', '.join(said)}{more}"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")

"""The workflows of the load, and what each of their places must come to: the plan of a run, played on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from chaos.load import KINDS, MAX_ATTEMPTS, STEPS, WITHIN, fold, input_of
from paigeant import ForEach, Parallel, RetryPolicy, Sleep, Step, SubWorkflow, Wait, Workflow

PATIENT: Final = RetryPolicy(max_attempts=100, initial_delay=0.05, max_delay=0.2)
"""Here steps are interrupted more often than in any life; only poison is to be set aside for it."""

CHILD: Final = "inner"
"""The workflow that others hold."""

SIGNALS: Final = ("early", "late")
"""What runs wait for, in this order."""

_INSTANT: Final = RetryPolicy(max_attempts=MAX_ATTEMPTS)


def _step(name: str, **options: Any) -> Step:
    return Step(name, **{"elsewhere": True, "retry": PATIENT} | options)


def _steps(*names: str) -> list[Step]:
    return [_step(name) for name in names]


def _item() -> list[Any]:
    return [_step("one"), Parallel(left=[_step("two")], right=[_step("three")], name="both"), _step("four")]


PLANS: Final[Mapping[str, Sequence[Any]]] = {
    "journey": _steps(*STEPS),
    "careful": [*_steps("one", "two"), _step("three", on_interrupt="park"), *_steps("four", "five")],
    "poisoned": [*_steps("one", "two"), _step("poison", retry=_INSTANT), *_steps("four", "five")],
    "fan": [_step("one"), ForEach("item", in_="items", step=_item(), max_concurrency=4, name="all"), _step("five")],
    "wait": [_step("one"), Wait(SIGNALS[0]), _step("two"), Sleep(0.2), Wait(SIGNALS[1]), _step("five")],
    CHILD: _steps("two", "three", "four"),
    "child": [_step("one"), SubWorkflow(CHILD), _step("five")],
}


def workflows() -> list[Workflow[Any, Any]]:
    """Return the workflows of the load, as whoever dispatches them declares them."""
    return [Workflow(name, list(entries)) for name, entries in PLANS.items()]


class Place(NamedTuple):
    """What stands at a place of a run: a step, or the kind of a node; and the chain and the trail behind it."""

    what: str
    chain: str
    trail: tuple[str, ...]
    signal: str | None = None


Places = dict[tuple[str, int], Place]


def places_of(number: int, kind: str) -> Places:
    """Return all places of the way forward of a run, by path and position, if nothing fails."""
    given = input_of(number, kind)
    plan = CHILD if kind.startswith(WITHIN) else KINDS[kind].workflow
    places: Places = {}
    _walk(places, PLANS[plan], "", given["chain"], (), given.get("items", ()))
    return places


def _walk(
    places: Places, entries: Sequence[Any], path: str, chain: str, trail: tuple[str, ...], items: Sequence[Any] = ()
) -> tuple[str, tuple[str, ...]]:
    """Note the places of one path; returns the chain and the trail at its end."""
    for position, entry in enumerate(entries, 1):
        below = f"{path}/{position}." if path else f"{position}."
        what, signal = entry.kind, None
        match entry:
            case Step():
                what, chain, trail = entry.activity, fold(chain, entry.activity), (*trail, entry.activity)
            case ForEach():
                ends = [
                    _walk(places, entry.entries, f"{below}{n}", item["chain"], trail) for n, item in enumerate(items)
                ]
                chain = "+".join(end for end, _ in ends)
            case Parallel():
                found = {
                    branch.name: _walk(places, branch.entries, f"{below}{n}", chain, trail)
                    for n, branch in enumerate(entry.branches)
                }
                chain = "+".join(found[name][0] for name in sorted(found))
                trail = found[entry.branches[-1].name][1]
            case SubWorkflow():
                chain, _ = _walk({}, PLANS[entry.workflow], "", chain, ())
            case Wait():
                signal = entry.signal
            case _:
                pass
        places[path, position] = Place(what, chain, trail, signal)
    return chain, trail

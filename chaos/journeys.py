"""The workflows of the load, and what each of their places must come to: the plan of a run, played on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from chaos.load import CLERK, KINDS, MAX_ATTEMPTS, STEPS, WITHIN, fold, input_of, said_by_clerk
from paigeant import Budget, ForEach, Parallel, RetryPolicy, Sleep, Step, SubWorkflow, Wait, Workflow

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
    "agent": _steps("one", CLERK, "five"),
    "poor": _steps("one", CLERK, "five"),
    CHILD: _steps("two", "three", "four"),
    "child": [_step("one"), SubWorkflow(CHILD), _step("five")],
}


TOKENS: Final[Mapping[str, int]] = {"agent": 10_000, "poor": 350}
"""What runs may spend: the requests of an agent come to 105, 205 and 305 tokens."""


def workflows() -> list[Workflow[Any, Any]]:
    """Return the workflows of the load, as whoever dispatches them declares them."""
    free = [Workflow(name, list(entries)) for name, entries in PLANS.items() if name not in TOKENS]
    return [*free, *(Workflow(name, list(PLANS[name]), budget=Budget(tokens=most)) for name, most in TOKENS.items())]


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
    walk = _Walk(number, given.get("items", ()))
    walk.along(PLANS[CHILD if kind.startswith(WITHIN) else KINDS[kind].workflow], "", given["chain"], ())
    return walk.places


class _Walk:
    """A run played on paper, branch by branch."""

    def __init__(self, number: int, items: Sequence[Any]) -> None:
        self.places: Places = {}
        self._number = number
        self._items = items

    def along(
        self, entries: Sequence[Any], path: str, chain: str, trail: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """Note the places of one path; returns the chain and the trail at its end."""
        for position, entry in enumerate(entries, 1):
            below = f"{path}/{position}." if path else f"{position}."
            what, signal = entry.kind, None
            match entry:
                case Step():
                    what = entry.activity
                    chain, trail = self._step(what, chain, trail)
                case ForEach():
                    chain = "+".join(
                        self.along(entry.entries, f"{below}{n}", item["chain"], trail)[0]
                        for n, item in enumerate(self._items)
                    )
                case Parallel():
                    found = {
                        branch.name: self.along(branch.entries, f"{below}{n}", chain, trail)
                        for n, branch in enumerate(entry.branches)
                    }
                    chain = "+".join(found[name][0] for name in sorted(found))
                    trail = found[entry.branches[-1].name][1]
                case SubWorkflow():
                    chain, _ = _Walk(self._number, ()).along(PLANS[entry.workflow], "", chain, ())
                case Wait():
                    signal = entry.signal
                case _:
                    pass
            self.places[path, position] = Place(what, chain, trail, signal)
        return chain, trail

    def _step(self, name: str, chain: str, trail: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Return what a step makes of the chain and the trail; an agent knows nothing of either."""
        return (said_by_clerk(self._number), trail) if name == CLERK else (fold(chain, name), (*trail, name))

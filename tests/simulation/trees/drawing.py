"""Trees, drawn from dice: steps, branches side by side and for each item, sleeps, waits, and a run within the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from paigeant import ForEach, Parallel, Sleep, Step, SubWorkflow, Wait
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.fan import OnFault

DEEPEST: Final = 2
SIGNAL: Final = "word"

_FAULTS: Final = (OnFault.CANCEL, OnFault.FINISH, OnFault.SKIP)
_STEPS: Final = {"add": 6, "shaky": 2, "alone": 1, "nap": 1, "doom": 0.5, "sour": 0.5, "ask": 1, "clerk": 0.5}


def draw_tree(dice: Random) -> tuple[Entry, ...]:
    """Return the entries of a run."""
    return _entries(Place(dice))


def draw_items(dice: Random) -> tuple[int, ...]:
    """Return the items that a run has."""
    return tuple(dice.randrange(1000) for _ in range(dice.randint(0, 4)))


def steps_in(entries: Sequence[Entry]) -> Iterator[Step]:
    """Yield all steps, those of children too."""
    for entry in entries:
        if isinstance(entry, Step):
            yield entry
        else:
            yield from steps_in(entry.inner)


class Place(NamedTuple):
    """Where entries are drawn: how deep, and whether there are ``items``, which a child has not."""

    dice: Random
    depth: int = 0
    items: bool = True

    @property
    def below(self) -> Place:
        return self._replace(depth=self.depth + 1)


def _entries(place: Place) -> tuple[Entry, ...]:
    return tuple(_entry(place) for _ in range(place.dice.randint(1, 4 - place.depth)))


def _entry(place: Place) -> Entry:
    kinds: dict[Callable[[Place], Entry], float] = {_step: 5, _sleep: 0.7, _wait: 1.2}
    if place.depth < DEEPEST:
        kinds |= {_parallel: 1.5, _for_each: 1.5 * place.items, _child: 1}
    [draw] = place.dice.choices([*kinds], [*kinds.values()])
    return draw(place)


def _step(place: Place) -> Entry:
    dice = place.dice
    [name] = dice.choices([*_STEPS], [*_STEPS.values()])
    match name:
        case "shaky" | "ask":
            return Step(name, {"failures": dice.randint(0, 2)})
        case "nap":
            return Step(name, {"seconds": dice.uniform(0.1, 2)})
        case _:
            return Step(name)


def _sleep(place: Place) -> Entry:
    return Sleep(place.dice.uniform(0.1, 2))


def _wait(place: Place) -> Entry:
    """It ends by itself, if nobody sends a signal."""
    return Wait(SIGNAL, place.dice.uniform(0.2, 4), "continue")


def _parallel(place: Place) -> Entry:
    branches: dict[str, Any] = {name: list(_entries(place.below)) for name in "abc"[: place.dice.randint(2, 3)]}
    join: Any = place.dice.choice(["all", "all", "any", 2])
    if join == "all":
        return Parallel(on_fault=place.dice.choice(_FAULTS), **branches)
    return Parallel(join=join, **branches)


def _for_each(place: Place) -> Entry:
    steps, window = list(_entries(place.below)), place.dice.randint(1, 3)
    fault = place.dice.choice(_FAULTS)
    return ForEach("item", "items", steps, max_concurrency=window, on_fault=fault, name="all")


def _child(place: Place) -> Entry:
    return SubWorkflow("inner").with_plan(_entries(place.below._replace(items=False)), {})

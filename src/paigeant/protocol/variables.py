"""Variables: the visible value of a name, among outputs of steps and set variables.

The output of a step is a variable under the step's name. It is stored in the hop's row only; other variables, set by a
step or a person, are stored under the place of a hop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from paigeant.model.message import PaigeantMessage, lineage
from paigeant.model.runs import Direction, StepStatus
from paigeant.model.transition import Done, Left, Transition
from paigeant.model.values.values import Value
from paigeant.protocol.states import ShownHop


class Written(NamedTuple):
    """Value of a name at the place of a hop; ``stated``: it was set, and is not the output of the hop's step."""

    name: str
    path: str
    position: int
    stated: bool
    value: Value


def outputs(hops: Iterable[ShownHop]) -> Iterator[Written]:
    """Yield the outputs of completed steps. Outputs of compensations are not variables."""
    for hop in hops:
        done = hop.status == StepStatus.COMPLETED and hop.direction == Direction.EXECUTE
        if done and hop.output is not None:
            yield Written(hop.step, hop.path, hop.position, stated=False, value=hop.output)


def seen(written: Iterable[Any], path: str = "") -> dict[str, Value]:
    """Return the variables visible on a path: the nearest path wins, and on each the highest position.

    At one place a set variable wins over the output. ``written`` has the fields of :class:`Written`.
    """
    paths = lineage(path)
    there = [one for one in written if one.path in paths and one.value is not None]  # a node has no output
    there.sort(key=lambda one: (-paths.index(one.path), one.position, one.stated))
    return {one.name: one.value for one in there}


def set_at(newest: int, *, sets_it: bool) -> int:
    """Return the position on the trunk at which a person sets a variable; the ``newest`` hop's, if it has set it."""
    return newest if sets_it else newest - 1


def left_by(message: PaigeantMessage, transition: Transition) -> Mapping[str, Value]:
    """Return the variables that the hop of this message sets with this transition."""
    stated = dict(transition.writes.variables)
    match transition.hop:
        case Left(result=Done(output=output)) if output is not None and message.headers.direction is Direction.EXECUTE:
            return {message.topic: output, **stated}
        case _:
            return stated

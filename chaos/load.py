"""The load: kinds of runs, what their steps make of an input, and how each may end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple, cast

STEPS: Final = ("one", "two", "three", "four", "five")
TOPICS: Final = (*STEPS, "poison")
COMPENSABLE: Final = frozenset({"one", "two", "four"})
MAX_ATTEMPTS: Final = 3
"""Attempts of a step that kills its workers."""

CLERK: Final = "clerk"
"""The activity that is an agent."""

REQUESTS: Final = 3
"""What it asks a model for, if nothing stops it."""

ITEMS: Final = 12
"""Items of a run that fans out."""

WITHIN: Final = "inner-"
"""What the kind of a child begins with, before that of its parent."""


class Kind(NamedTuple):
    """A kind of run: which workflow it walks, how it may end, and where its code fails for good."""

    workflow: str
    ends: frozenset[str]
    fails: tuple[str, str] | None = None
    """The path, and the step there."""


_DONE: Final = frozenset({"completed"})
_UNDONE: Final = frozenset({"compensated"})
_ENDED: Final = frozenset({"completed", "terminated"})
_CANCELLED: Final = frozenset({"completed", "compensated", "cancelled"})

KINDS: Final[Mapping[str, Kind]] = {
    "plain": Kind("journey", _DONE),
    "flaky": Kind("journey", _DONE),
    "undone": Kind("journey", _UNDONE, ("", "five")),
    "ended": Kind("journey", _ENDED),
    "careful": Kind("careful", frozenset({"completed", "waiting"})),
    "poison": Kind("poisoned", _UNDONE),
    "fan": Kind("fan", _DONE),
    "fan-undone": Kind("fan", _UNDONE, ("", "five")),
    "fan-broken": Kind("fan", _UNDONE, ("2.5", "four")),
    "fan-ended": Kind("fan", _ENDED),
    "fan-cancelled": Kind("fan", _CANCELLED),
    "wait": Kind("wait", _DONE),
    "child": Kind("child", _DONE),
    "agent": Kind("agent", _DONE),
    "agent-broke": Kind("poor", _UNDONE),
    "child-undone": Kind("child", _UNDONE, ("", "five")),
    "child-ended": Kind("child", _ENDED),
    "child-cancelled": Kind("child", _CANCELLED),
}
"""``flaky`` fails once and is tried again, what is ``undone`` or ``broken`` fails for good, what is ``ended`` or
``cancelled`` is terminated, or cancelled and undone, in flight if there is time; an agent that is ``broke`` may spend
what two of its three requests cost; ``careful`` holds a step that runs at most once, ``poison`` one that kills its
worker each time."""

_SHARES: Final = (("flaky", 0.04), ("undone", 0.04), ("careful", 0.02))
_EVERY: Final = 20
_REGULAR: Final = {4: "fan", 7: "wait", 10: "child", 13: "agent"}
"""Of each twenty runs these are of a kind whatever is drawn, so that a short drama has all of them."""
_TURN: Final = 16
_IN_TURN: Final = (
    *("fan-cancelled", "child-undone", "agent-broke", "fan-broken", "child-cancelled", "fan-undone"),
    *("child-ended", "agent-broke", "fan-ended"),
)
"""And one of each twenty is of these, in turn."""


def kind_of(number: int, seed: int, poison_every: int, ended: float) -> str:
    """Return the kind of the n-th run. Poison comes early, so that what its deaths cost shows while there is load."""
    if poison_every and number % poison_every == min(7, poison_every - 1):
        return "poison"
    turn, place = divmod(number, _EVERY)
    if place in _REGULAR:
        return _REGULAR[place]
    if place == _TURN:
        return _IN_TURN[(turn + seed) % len(_IN_TURN)]
    draw = Random(f"{seed}:{number}").random()
    for kind, share in (*_SHARES, ("ended", ended)):
        if draw < share:
            return kind
        draw -= share
    return "plain"


def ends_of(kind: str) -> frozenset[str]:
    """Return how a run of this kind may end; a child ends as its parent does, or has completed before."""
    if not kind.startswith(WITHIN):
        return KINDS[kind].ends
    ends = KINDS[kind.removeprefix(WITHIN)].ends
    return ends | _DONE if ends & {"terminated", "cancelled"} else ends


def input_of(number: int, kind: str, slow: float = 0.0) -> dict[str, Any]:
    """Return the input of a run; a child has what the first step of its parent comes to."""
    chain = fold("", f"seed {number}")
    given: dict[str, Any] = {"number": number, "kind": kind, "chain": chain, "trail": [], "slow": slow}
    if kind.startswith(WITHIN):
        given["chain"] = fold(chain, STEPS[0])
    elif KINDS[kind].workflow == "fan":
        given["items"] = [{"chain": fold(chain, f"item {item}")} for item in range(ITEMS)]
    return given


def payload_of(number: int, signal: str) -> dict[str, Any]:
    """Return what a signal to a run carries."""
    return {"word": fold(signal, f"seed {number}")}


def said_by_clerk(number: int) -> str:
    """Return what the agent comes to."""
    return f"done with {number}"


def is_denied(number: int) -> bool:
    """Tell whether a person says no to what the agent wants to do."""
    return number % 3 == 0


def fold(chain: str, step: str) -> str:
    """Return what a step makes of the result before it; only the right steps in the right order come to the same."""
    return hashlib.sha256(f"{chain}:{step}".encode()).hexdigest()[:16]


def chain_of(previous: Any) -> str:
    """Return the chain that a step goes on with: of a step's output, of what branches came to, or a text."""
    if isinstance(previous, Mapping):
        said = cast("Mapping[str, Any]", previous)
        return said["chain"] if "chain" in said else "+".join(chain_of(said[name]) for name in sorted(said))
    if isinstance(previous, Sequence) and not isinstance(previous, str):
        return "+".join(map(chain_of, cast("Sequence[Any]", previous)))
    return str(previous)


def seconds_of(number: int, step: str, slow: float) -> float:
    """Return how long a step takes: mostly a moment; this share so long that the lease is renewed."""
    chance = Random(f"{number}:{step}")
    return chance.uniform(0.6, 1.6) if chance.random() < slow else chance.random() * 0.02

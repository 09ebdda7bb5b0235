"""Values used by conditions: loaded beforehand, so that decisions are pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import ValueStore
from paigeant.engine.values import load_texts, variables_for
from paigeant.model.fan.outcomes import AnyOutcome, Joined
from paigeant.model.hops import Leased
from paigeant.model.limits import OFFERED_BYTES
from paigeant.model.outcomes import Completed, Passed, Revised
from paigeant.model.runs import Direction
from paigeant.model.secrecy.secrets import hidden_json
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Blob, Inline, Ref, Value
from paigeant.routing.conditions import Seen, asked_by
from paigeant.routing.revision import entries_ahead

_GOING_ON: Final = (Completed, Revised, Passed, Joined)
"""Forward outcomes that another hop may follow."""


def asked_for(leased: Leased, outcome: AnyOutcome) -> frozenset[str]:
    """Return the names that conditions use until the next hop is decided."""
    slip = leased.message.routing_slip
    if leased.message.headers.direction is Direction.COMPENSATE or not isinstance(outcome, _GOING_ON):
        return frozenset()
    if slip.undecided:
        return asked_by(slip.itinerary)
    rest = slip.itinerary.rest
    if isinstance(outcome, Revised):
        return asked_by(entries_ahead(rest, outcome))
    return frozenset() if rest.plain else asked_by(rest)


async def see(store: ValueStore, leased: Leased, outcome: AnyOutcome, blobs: Iterable[Blob]) -> Seen:
    """Return the values that conditions use, including those that the hop itself sets; raises Unavailable.

    The variables are loaded with one query, and those between 4 and 64 KiB with another. Names have the same meaning as
    for the next step: ``payload`` and ``previous``, then variables, then fields of the input. Secrets are ``***``.
    """
    names = asked_for(leased, outcome)
    if not names:
        return {}
    message, payload = leased.message, leased.message.payload
    own: dict[str, Value] = {"payload": payload.input, "previous": payload.previous or payload.input, **payload.own}
    if isinstance(outcome, Passed):
        own = {**outcome.variables, **own}
    elif isinstance(outcome, Joined):
        own = {**outcome.variables, **own, "previous": outcome.output}
    elif isinstance(outcome, (Completed, Revised)):
        step = message.routing_slip.itinerary.step
        own = {
            **{name: outcome.output for name in (step.activity, step.name) if name is not None},
            **outcome.variables,
            **own,
            "previous": outcome.output,
        }
    wanted = names - own.keys()
    stored = await variables_for(store, leased, wanted)
    values = {name: value for name, value in {**stored, **own}.items() if name in names}
    seen = await _texts(store, leased, values, {blob.sha256: blob.json for blob in blobs})
    found = {**await _fields(store, leased, names - seen.keys()), **seen}
    return {name: hidden_json(text) if isinstance(text, bytes) else text for name, text in found.items()}


async def _texts(
    store: ValueStore, leased: Leased, values: Mapping[str, Value], own: Mapping[str, bytes]
) -> dict[str, bytes | int]:
    """Return the texts of values, and the sizes of those that are too large."""
    small = {name: value for name, value in values.items() if not isinstance(value, Ref) or value.size <= OFFERED_BYTES}
    here: dict[str, Value] = {
        name: Inline(own[value.sha256]) if isinstance(value, Ref) and value.sha256 in own else value
        for name, value in small.items()
    }
    texts = await load_texts(store, leased.message.headers.workflow_id, here)
    sizes = {name: value.size for name, value in values.items() if isinstance(value, Ref) and name not in small}
    return {**texts, **sizes}


async def _fields(store: ValueStore, leased: Leased, names: frozenset[str]) -> Seen:
    """Return fields of the input."""
    if not names:
        return {}
    texts = await load_texts(store, leased.message.headers.workflow_id, {"": leased.message.payload.input})
    return see_input(texts[""], names)


def see_input(json: bytes, names: Iterable[str]) -> Seen:
    """Return the values that conditions can use of a run's input: its fields, and the whole."""
    value: JsonValue = from_json(json)
    fields = cast("dict[str, JsonValue]", value) if isinstance(value, dict) else {}
    texts = {name: to_json(fields[name]) for name in names if name in fields}
    texts |= {name: json for name in ("payload", "previous") if name in names}
    return {name: text if len(text) <= OFFERED_BYTES else len(text) for name, text in texts.items()}

"""Input of a step: binding of its arguments by name, and their recorded form.

This is the only place where arguments become stored data, so that secrets are left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from paigeant.abc import ValueStore
from paigeant.activities.binding import Sources, bind, fields_of
from paigeant.engine.hop.served import Served, reserved_values
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.engine.values import load_texts, variables_for
from paigeant.model.hops import Leased
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Blob, Value, shelve


class Bound(NamedTuple):
    """Arguments of a call, their recorded form, and large values that the store does not have yet."""

    arguments: dict[str, Any]
    recorded: dict[str, Value]
    blobs: list[Blob]


async def bind_input(store: ValueStore, leased: Leased, served: Served, secrets: StepSecrets) -> Bound:
    """Bind the arguments of a step; the store is read only if some name needs it.

    A bound value is recorded in its original form, so that a value in the store is not written again; a field of the
    input becomes a value of its own. Names without a value are left out. Secrets are opened for the call only. Raises
    ArgumentError, and errors of reading and opening.
    """
    signature = served.handler.signature
    variables: Mapping[str, Value] = await variables_for(store, leased, served.wanted) if served.wanted else {}
    reserved = reserved_values(leased)
    recorded: dict[str, Value] = {}
    fields: list[str] = []
    for name in signature.names:
        value = served.explicit.get(name) or reserved.get(name) or variables.get(name)
        if value is None:
            fields.append(name)
        else:
            recorded[name] = value
    run = leased.message.headers.workflow_id
    texts = await load_texts(store, run, {**recorded, "": reserved["payload"]} if fields else recorded)
    blobs = _add_fields(fields, texts, recorded) if fields else []
    prompted = served.handler.prompted
    texts = {
        name: secrets.hide(name, json) if name in prompted else secrets.reveal(name, json)
        for name, json in texts.items()
    }
    if len(texts) < len(signature.names) and served.lacks(texts):  # reported together with the available names
        known = {**reserved, **served.explicit, **variables}
        others = await store.load_variables(run, path=leased.message.headers.path)
        found = Sources(texts, await load_texts(store, run, reserved), {}, {*known, *others})
    else:
        found = Sources(texts, {}, {})
    return Bound(bind(signature, found, leased.message.topic, secrets.opened), recorded, blobs)


def _add_fields(names: list[str], texts: dict[str, bytes], recorded: dict[str, Value]) -> list[Blob]:
    """Add the input's fields of these names; returns the large values among them."""
    fields, blobs = fields_of(texts.pop("")), list[Blob]()
    for name in names:
        if name in fields:
            texts[name] = to_json(fields[name])
            recorded[name], blob = shelve(texts[name])
            blobs += [] if blob is None else [blob]
    return blobs

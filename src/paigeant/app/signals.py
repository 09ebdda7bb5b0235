"""Signals from outside: validated, and prepared for the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn, cast
from uuid import UUID

from pydantic import JsonValue
from uuid_utils.compat import uuid4

from paigeant.app.inputs import variable_as_json
from paigeant.app.operating.deeds import attest, digest_of_carried
from paigeant.app.run_ids import read_run_id
from paigeant.engine.runtime import Runtime
from paigeant.errors import InvalidInput, UnknownRun, WrongState
from paigeant.model.checks.options import spelled
from paigeant.model.limits import LABEL_PATTERN, SIGNAL_BYTES, SIGNALS
from paigeant.model.people.deeds import DeedVerb
from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.model.values.showing import shown
from paigeant.model.values.values import shelve

TOGETHER: Final = 500
"""Signals in one transaction."""

_FIELDS: Final = frozenset({"workflow_id", "name", "payload", "signal_id"})


@spelled(InvalidInput)
@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of ``signal_many`` to one run: a ``payload`` under a name; one ``signal_id`` counts once in a run."""

    workflow_id: str | UUID
    name: str
    payload: Any = None
    signal_id: str | None = None

    @classmethod
    def of(cls, given: Any) -> Signal:
        """Return the signal of a JSON object with these fields; raises InvalidInput."""
        fields: Mapping[str, Any] = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
        if not {"workflow_id", "name"} <= fields.keys() <= _FIELDS:
            text = (
                f"{shown(given)} is no signal: it should be an object with workflow_id and name, "
                "and perhaps payload and signal_id"
            )
            raise InvalidInput(text)
        return cls(**fields)

    def prepared(self) -> SentSignal:
        """Return the signal as the store takes it; raises InvalidInput, and UnknownRun for an invalid id."""
        payload, blob = shelve(self._json())
        signal_id = uuid4().hex if self.signal_id is None else self.signal_id
        if not (isinstance(cast("Any", signal_id), str) and re.fullmatch(LABEL_PATTERN, signal_id)):
            text = f"the signal_id {shown(signal_id)} is no label: use 1 to 255 characters, none a control character"
            raise InvalidInput(text)
        return SentSignal(read_run_id(self.workflow_id), self.name, signal_id, payload, blob)

    def _json(self) -> bytes:
        json = variable_as_json(self.name, self.payload, "signal")
        if len(json) > SIGNAL_BYTES:
            text = f"the payload is {len(json):,} bytes as JSON; a signal carries at most {SIGNAL_BYTES:,}"
            raise InvalidInput(text)
        return json


def require_taken(receipt: Receipt, sent: SentSignal) -> Receipt:
    """Return the receipt of a signal; raises UnknownRun or WrongState if the run refused it."""
    run = sent.workflow_id
    match receipt:
        case Receipt.UNKNOWN_RUN:
            raise UnknownRun(f"no run has the id {run}")
        case Receipt.ENDED:
            raise WrongState(f"run {run} has ended: it takes no signal any more")
        case Receipt.FULL:
            text = f"run {run} keeps {SIGNALS:,} signals already that nothing has waited for; it takes no further one"
            raise WrongState(text)
        case _:
            return receipt


async def send_all(runtime: Runtime, signals: Iterable[Signal]) -> list[Receipt]:
    """Send signals, once all of them are validated; returns the receipt of each, in order."""
    given: Any = signals
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise InvalidInput(f"signal_many takes a list of Signals, not {shown(given)}")
    sent = [signal.prepared() if isinstance(cast("Any", signal), Signal) else _no_signal(signal) for signal in signals]
    receipts: list[Receipt] = []
    for first in range(0, len(sent), TOGETHER):
        group = [await attested(runtime, each) for each in sent[first : first + TOGETHER]]
        receipts += await runtime.store.send_signals(group)
    return receipts


async def attested(runtime: Runtime, sent: SentSignal) -> SentSignal:
    """Return a signal with the deed of its sender; raises ConfigError without a key that may sign it."""
    carried: dict[str, JsonValue] = {
        "name": sent.name,
        "signal_id": sent.signal_id,
        "value": digest_of_carried(sent.payload),
    }
    return replace(sent, deed=await attest(runtime, DeedVerb.SIGNAL, sent.workflow_id, carried))


def _no_signal(given: Any) -> NoReturn:
    raise InvalidInput(f"signal_many takes Signals, as Signal(workflow_id, 'approved'), not {shown(given)}")

"""Signals from outside: validated, and prepared for the store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, cast
from uuid import UUID

from pydantic import JsonValue
from uuid_utils.compat import uuid4

from paigeant.app.inputs import variable_as_json
from paigeant.app.operating.deeds import attest, digest_of_carried
from paigeant.app.run_ids import read_run_id
from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.operator import sealed_variable
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

    def checked(self) -> CheckedSignal:
        """Return the signal with its payload as JSON; raises InvalidInput, and UnknownRun for an invalid id."""
        json = self._json()
        signal_id = uuid4().hex if self.signal_id is None else self.signal_id
        if not (isinstance(cast("Any", signal_id), str) and re.fullmatch(LABEL_PATTERN, signal_id)):
            text = f"the signal_id {shown(signal_id)} is no label: use 1 to 255 characters, none a control character"
            raise InvalidInput(text)
        return CheckedSignal(read_run_id(self.workflow_id), self.name, signal_id, json)

    def _json(self) -> bytes:
        json = variable_as_json(self.name, self.payload, "signal")
        if len(json) > SIGNAL_BYTES:
            text = f"the payload is {len(json):,} bytes as JSON; a signal carries at most {SIGNAL_BYTES:,}"
            raise InvalidInput(text)
        return json


class CheckedSignal(NamedTuple):
    """Valid signal: its run, its name, the id that counts once in a run, and the payload as JSON text."""

    workflow_id: UUID
    name: str
    signal_id: str
    json: bytes


def require_taken(receipt: Receipt, run: UUID) -> Receipt:
    """Return the receipt of a signal; raises UnknownRun or WrongState if the run refused it."""
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
    sent = [signal.checked() if isinstance(cast("Any", signal), Signal) else _no_signal(signal) for signal in signals]
    receipts: list[Receipt] = []
    for first in range(0, len(sent), TOGETHER):
        group = await asyncio.gather(*(prepared(runtime, each) for each in sent[first : first + TOGETHER]))
        receipts += await runtime.store.send_signals(group)
    return receipts


async def prepared(runtime: Runtime, signal: CheckedSignal) -> SentSignal:
    """Return a signal as the store takes it: sealed if its name is a secret of the run, and with its sender's deed.

    Raises InvalidInput for a secret that is too large or cannot be sealed here, and ConfigError without a key that may
    sign the deed.
    """
    run, name, signal_id, json = signal
    payload, blob = shelve(await sealed_variable(runtime, run, name, json))
    carried: dict[str, JsonValue] = {"name": name, "signal_id": signal_id, "value": digest_of_carried(payload)}
    deed = await attest(runtime, DeedVerb.SIGNAL, run, carried)
    return SentSignal(run, name, signal_id, payload, blob, deed)


def _no_signal(given: Any) -> NoReturn:
    raise InvalidInput(f"signal_many takes Signals, as Signal(workflow_id, 'approved'), not {shown(given)}")

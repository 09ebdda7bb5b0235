"""Runs whose hops are signed one after the other, without a store: what lies there is what was made."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic_core import to_json

from paigeant.abc import Departure, DispatchTerms
from paigeant.model.custody.evidence import Evidence, HopEvidence, SetVariable
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.hops import Grant, Leased, Sealed
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.outcomes import Completed
from paigeant.model.revision import SlipPolicy
from paigeant.model.values.values import Value, inline
from paigeant.routing.advance import advance
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.purposes import KeyPlaces
from paigeant.security.key_sets import FileKeySet
from paigeant.security.signed import SignedCodec
from paigeant.testing.builders import new_message

BEGAN: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)


@dataclass
class Journey:
    """A run on its way: each hop is leased and stored a minute after the one before, by the store's clock."""

    now: datetime
    sealed: Sealed
    message: PaigeantMessage
    records: list[StoredRecord] = field(default_factory=list[StoredRecord])
    hops: list[HopEvidence] = field(default_factory=list[HopEvidence])
    variables: list[SetVariable] = field(default_factory=list[SetVariable])
    output: Value | None = None

    @classmethod
    def begin(
        cls,
        codec: SignedCodec,
        *steps: Any,
        payload: Any = None,
        now: datetime = BEGAN,
        policy: SlipPolicy | None = None,
    ) -> Journey:
        message = new_message(*steps, payload=payload)
        slip = replace(message.routing_slip, policy=policy)
        message = replace(message, headers=replace(message.headers, created_at=now), routing_slip=slip)
        hop = codec.begin(message, DispatchTerms("api"))
        made = cls(now, hop.messages[0], message)
        made.keep(HopKey(message.headers.workflow_id, "", 0), 0, hop.record)
        return made

    def keep(self, key: HopKey, fence: int, record: SignedRecord | None) -> None:
        assert record is not None
        self.records.append(StoredRecord(key, fence, record, self.now))

    def lease(self, codec: SignedCodec, **more: Any) -> Leased:
        """Return the next hop as a worker leases it that has seen nothing of the run."""
        opened = codec.open(self.sealed.body)
        message = opened.message
        if message.missing_plan is not None:
            message = message.with_plan(self.message.routing_slip.itinerary.plan)
        grant = Grant(message.key, message.topic, self.sealed.body, 1, 1, self.now, **more)
        return Leased(grant, message, record=opened.record, judged=False)

    def leave(
        self, codec: SignedCodec, variables: Mapping[str, Value] | None = None, at: datetime | None = None
    ) -> Leased:
        """Leave the next hop, done, with variables; the signer says that it was leased ``at`` this time."""
        leased = self.lease(codec)
        signed = leased if at is None else replace(leased, grant=replace(leased.grant, leased_at=at))
        key, message = leased.grant.key, leased.message
        output = inline(f"{message.topic} {key.position}")
        transition = advance(signed, Completed(output, None, variables or {}))
        row = (key, message.topic, message.step_id.hex, "execute", "completed", 1, False)
        self.hops.append(HopEvidence(*row, None, output, None, None, None, self.sealed.body))
        self.variables += [SetVariable(name, "", key.position, value) for name, value in (variables or {}).items()]
        hop = codec.depart(signed, Departure("worker", transition))
        self.now += MINUTE
        self.keep(leased.grant.key, 1, hop.record)
        if hop.messages:
            [self.sealed] = hop.messages
        else:
            self.output = output
        return leased

    @property
    def evidence(self) -> Evidence:
        """The run as it lies in a store, once it has completed."""
        run, given = self.message.headers.workflow_id, self.message.payload.input
        row = (run, "article", "completed", given, self.output, False)
        return Evidence(*row, tuple(self.hops), tuple(self.variables), tuple(self.records))


@dataclass
class Ring:
    """Keys of several roles, and the set that all of them trust."""

    folder: Path
    granted: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    keys: dict[str, SigningKey] = field(default_factory=dict[str, SigningKey])

    def grant(self, name: str, *may: str, **more: Any) -> None:
        """Let a key, made if there is none, sign this, and say more of it in the key set."""
        if name not in self.keys:
            self.keys[name] = SigningKey.generate()
            write_key(self.folder / name, self.keys[name])
        self.granted[name] = {"iss": name, "may": list(may), **more}

    def change(self, name: str, **more: Any) -> None:
        """Say more of a key in the set."""
        self.granted[name] |= more

    def keyring(self, name: str | None = None) -> Keyring:
        """Return the keys of a process that signs with this one."""
        jwks = {"keys": [{**self.keys[each].public_jwk, "paigeant": said} for each, said in self.granted.items()]}
        (self.folder / "trust").write_bytes(to_json(jwks))
        trust = FileKeySet(self.folder / "trust")
        return Keyring(KeyPlaces("default", None if name is None else self.folder / name, trust))

    def codec(self, name: str | None = None) -> SignedCodec:
        """Return the codec of a process that signs with this key, and has seen no run yet."""
        keyring = self.keyring(name)
        return SignedCodec(keyring=lambda: keyring)


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    made = Ring(tmp_path)
    made.grant("api", "dispatch:*", "step:*")
    made.grant("billing", "step:*")
    return made


@contextmanager
def _calls() -> Iterator[Callable[[], int]]:
    """Count calls of Python functions: a cost that no other process on this machine changes."""
    count = 0

    def note(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield lambda: count
    finally:
        sys.setprofile(before)


@pytest.fixture
def calls() -> Any:
    return _calls

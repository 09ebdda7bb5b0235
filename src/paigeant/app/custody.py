"""Custody: what was signed of runs, verified, and the keys that sign. Importing it loads cryptography."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from paigeant.abc import Store
from paigeant.app.choosing import key_set_of, keys_of
from paigeant.app.operating.deeds import attest
from paigeant.app.options import read_span
from paigeant.config import Settings
from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError, MessageRejected
from paigeant.model.people.deeds import DeedVerb
from paigeant.model.values.durations import Duration
from paigeant.security.custody.audit import BROKEN, Audit, BrokenLink, Exported, audit, audit_columns
from paigeant.security.custody.evidence.document import RIGHT, document_of, read_document, write_document
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import read_private, write_key
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.keysets import edit_trust, granted, read_trust, successor_of
from paigeant.security.custody.purposes import KeyPlaces, Keys
from paigeant.security.custody.trust import TrustedKey, read_grants
from paigeant.security.key_sets import FileKeySet, KeySet
from paigeant.security.sealing.jwe import EncryptionKey
from paigeant.security.sealing.vault import Recipient, read_recipients

X25519: Final = "X25519"
"""The kind of keys that secrets are sealed to."""

PAGE: Final = 200
"""Runs that are listed at a time."""


class Installed(Protocol):
    """What has a store and settings: an application."""

    @property
    def store(self) -> Store:
        """The store, open."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...


class Custody:
    """Verifies runs with the keys of the settings; no worker is needed for it."""

    def __init__(self, app: Installed) -> None:
        """Verify the runs of an open application; raises ConfigError for keys that cannot be read."""
        self._store, self._settings = app.store, app.settings
        self._keys = keys_of(app.settings, create=False)()
        self.is_development: bool = self._keys.is_development
        """Whether no key is configured: then keys prove nothing against who writes to the store."""
        self._judge = Judge(self._keys, _audience_of(app.settings))

    async def verify(self, workflow_id: UUID) -> Audit:
        """Return whether a run is what was signed, with the first link that is broken; raises UnknownRun."""
        return audit(await self._store.load_evidence(workflow_id), self._judge)

    async def export(self, workflow_id: UUID, *, values: bool = True) -> bytes:
        """Return all that an audit reads of a run as one document, signed with the process's own key.

        Without ``values`` it has digests in the place of inputs, outputs, logs, errors, messages and variables. Nothing
        is verified. Raises UnknownRun, InvalidInput for a document of more than 256 MiB, and ConfigError without a key
        that may ``operate:export``.
        """
        keys = self.require_exporter()
        evidence = await self._store.load_evidence(workflow_id)
        document = document_of(evidence, _audience_of(self._settings), datetime.now(UTC), values=values)
        return write_document(document, keys)

    def require_exporter(self) -> Keys:
        """Return the keys of a process that may sign evidence; raises ConfigError, which says what to do."""
        keys = keys_of(self._settings)()
        try:
            mine = keys.mine_for("evidence")
        except ConfigError as error:
            raise ConfigError(f"evidence is signed: set PAIGEANT_SIGNING_KEY to a key that may {RIGHT}") from error
        if not mine.may(RIGHT):
            raise ConfigError(f"evidence is signed, and {mine.iss} may not {RIGHT}: add it to its rights")
        return keys

    def are_same(self, one: bytes, other: bytes) -> bool:
        """Tell whether two documents are of the same run as it stood, both signed by somebody who may, by our keys."""
        keys = self._keys
        if not isinstance(keys, Keyring):
            return False
        try:
            first, second = (read_document(each, keys, _audience_of(self._settings))[0] for each in (one, other))
        except MessageRejected:
            return False
        return replace(first, at=second.at) == second

    async def verify_all(self, since: Duration | None = None) -> AsyncGenerator[Audit, None]:
        """Yield the audit of each run, the newest first; with ``since`` only of those recorded since then.

        Raises InvalidInput for what is no span of time.
        """
        age = None if since is None else read_span("since", since, "audit")
        after: str | None = None
        while True:
            page = await self._store.list_runs(since=age, limit=PAGE, after=after)
            for run in page.runs:
                yield await self.verify(run.workflow_id)
            after = page.next
            if after is None:
                return


async def export_run(runtime: Runtime, custody: Custody, workflow_id: UUID, *, values: bool = True) -> bytes:
    """Return the evidence of a run as :meth:`Custody.export`, once it is written who has it; that is in it, too."""
    deed = await attest(runtime, DeedVerb.EXPORT, workflow_id, {"values": values})
    custody.require_exporter()
    await runtime.store.get_status(workflow_id)
    await runtime.store.record_deeds([deed])
    return await custody.export(workflow_id, values=values)


def verify_document(made: bytes, jwks: Path, settings: Settings) -> Audit:
    """Return whether a document that was exported is what was signed, by the keys of a set alone; no store is needed.

    Of the settings only namespace and audience count. Raises ConfigError for a key set that cannot be read.
    """
    keys, audience = Keyring(KeyPlaces(settings.namespace, trust=FileKeySet(jwks))), _audience_of(settings)
    try:
        document, key = read_document(made, keys, audience)
    except MessageRejected as error:
        return Audit(None, BROKEN, broken=BrokenLink("", 0, None, "document", str(error)))
    found = audit_columns(document.run, document.stored_records, document.stored_deeds, Judge(keys, audience))
    return replace(found, exported=Exported(key.iss, document.at, document.values))


def _audience_of(settings: Settings) -> str:
    return settings.audience or settings.namespace


def generate_key(path: Path, algorithm: str = "Ed25519") -> str:
    """Write a new private key to a file that only its owner can read; returns its id.

    It signs, or with the algorithm ``X25519`` opens what is sealed to it. Raises ConfigError for an algorithm that
    there is not, and if there is a file already.
    """
    key = EncryptionKey.generate() if algorithm == X25519 else SigningKey.generate(algorithm)
    try:
        made = write_key(path, key)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if not made:
        raise ConfigError(f"{path} is there already, and a key is never overwritten: name another file")
    return key.kid


def public_half(path: Path, iss: str, may: Sequence[str]) -> dict[str, Any]:
    """Return the entry of a key for a trusted key set: its public half, whose it is, and what it may sign, or read.

    Raises ConfigError for a file that holds no key, and for a right that there is not.
    """
    key = _read_any(path)
    grants = read_grants({"iss": iss, "may": list(may)}, str(path), reads=isinstance(key, EncryptionKey))
    return {**key.public_jwk, "paigeant": grants.model_dump(mode="json", exclude_defaults=True)}


ROTATION: Final = timedelta(minutes=20)
"""When a new key begins to sign: by then every process has read the key set in which it is."""


def list_keys(settings: Settings) -> list[dict[str, Any]]:
    """Return the keys of the trusted set: each with its id, whose it is, and what it may sign; raises ConfigError."""
    return [
        {"kid": each.key.kid, **each.grants.model_dump(mode="json", exclude_defaults=True)}
        for each in _trusted_keys(_key_set(settings))
    ]


def rotate_key(settings: Settings, path: Path, *, now: bool = False) -> str:
    """Make a key that takes the place of another, with the same rights, 20 minutes from ``now`` on; returns its id.

    It is written beside the other, and its public half into the trusted set. Raises ConfigError if one is there.
    """
    trust, old = _trust_of(settings), _read_any(path)
    new = EncryptionKey.generate() if isinstance(old, EncryptionKey) else SigningKey.generate(old.algorithm)
    since = datetime.now(UTC) + (timedelta() if now else ROTATION)

    def add(members: list[dict[str, Any]]) -> None:
        same = {**granted(members, old.kid, trust), "nbf": since.isoformat()}
        members.append({**new.public_jwk, "paigeant": same})

    if not write_key(successor_of(path), new):
        raise ConfigError(f"{successor_of(path)} is there already: retire {path} first")
    try:
        edit_trust(trust, add)
    except ConfigError:
        successor_of(path).unlink()
        raise
    return new.kid


def retire_key(settings: Settings, path: Path) -> str:
    """Let the successor of a key take its place; what the old one signed until now goes on to count; returns its id.

    What is sealed to the old one can be opened no more. Raises ConfigError if there is no successor, or it is not good
    yet.
    """
    trust, old, new, now = _trust_of(settings), _read_any(path), _read_any(successor_of(path)), datetime.now(UTC)
    known = {each.key.kid: each for each in _trusted_keys(FileKeySet(trust))}
    flaw = known[new.kid].grants.flaw_at(new.kid, now) if new.kid in known else f"key {new.kid} is not in {trust}"
    if flaw is not None:
        raise ConfigError(f"{successor_of(path)}: {flaw}")
    edit_trust(trust, lambda members: granted(members, old.kid, trust).update(exp=now.isoformat()))
    successor_of(path).replace(path)
    return old.kid


def revoke_key(settings: Settings, kid: str, since: datetime | None = None, *, compromised: bool = False) -> None:
    """Say in the trusted set that what is stored of a key from a time on, by default now, counts for nothing.

    If it is ``compromised``, what it signed before counts only where a record of another key follows. Raises
    ConfigError for a key that is not there.
    """
    trust, at = _trust_of(settings), since or datetime.now(UTC)
    change: dict[str, Any] = {"revoked_from": at.isoformat(), **({"compromised": True} if compromised else {})}
    edit_trust(trust, lambda members: granted(members, kid, trust).update(change))


def _read_any(path: Path) -> SigningKey | EncryptionKey:
    """Return the key of a file, whatever it is for; raises ConfigError."""
    kinds: dict[Any, Any] = {X25519: EncryptionKey}
    return read_private(path, "key", lambda jwk: kinds.get(jwk.get("crv"), SigningKey)(jwk))


def _trusted_keys(key_set: KeySet) -> list[TrustedKey | Recipient]:
    """Return all keys of a trusted set, those that sign first; raises ConfigError."""
    return [*read_trust(key_set), *read_recipients(key_set.read(), str(key_set))]


def _key_set(settings: Settings) -> KeySet:
    key_set = key_set_of(settings)
    if key_set is None:
        raise ConfigError("PAIGEANT_TRUST is not set: it names the key set (JWKS) of all keys that are trusted")
    return key_set


def _trust_of(settings: Settings) -> Path:
    """Return the file of the key set, to be edited; raises ConfigError."""
    key_set = _key_set(settings)
    if not isinstance(key_set, FileKeySet):
        text = f"PAIGEANT_TRUST is {key_set}: edit the file that is published there, with PAIGEANT_TRUST naming it"
        raise ConfigError(text)
    return key_set.path

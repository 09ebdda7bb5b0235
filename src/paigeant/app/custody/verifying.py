"""Verification of signed runs, and export of their evidence."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from paigeant.app.choosing import keys_of
from paigeant.app.operating.deeds import attest
from paigeant.app.options import read_span
from paigeant.config import Settings
from paigeant.engine.custody.keys import signatures_of
from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError, MessageRejected
from paigeant.model.custody.evidence import Evidence
from paigeant.model.people.deeds import DeedVerb
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.values.durations import Duration
from paigeant.security.custody.audit import audit, audit_columns
from paigeant.security.custody.evidence.document import RIGHT, document_of, read_document, write_document
from paigeant.security.custody.evidence.verdict import BROKEN, Audit, BrokenLink, Exported
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.purposes import KeyPlaces, Keys
from paigeant.security.custody.trust import kid_of
from paigeant.security.key_sets import FileKeySet
from paigeant.security.signed import SignedCodec

PAGE: Final = 200
"""Runs in a page of a listing."""


class Installed(Protocol):
    """An application with open parts and settings."""

    @property
    def runtime(self) -> Runtime:
        """The parts, open."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...


class Custody:
    """Verifies runs with the keys of the settings; no worker is needed for it."""

    def __init__(self, app: Installed) -> None:
        """Verify the runs of an open application; raises ConfigError for keys that cannot be read."""
        self._store, self._codec, self._settings = app.runtime.store, app.runtime.codec, app.settings
        self._keys = keys_of(app.settings, create=False)()
        self.is_development: bool = self._keys.is_development
        """True if no key is configured: then signatures prove nothing against a writer to the store."""
        self._judge = Judge(self._keys, _audience_of(app.settings))

    async def verify(self, workflow_id: UUID) -> Audit:
        """Verify a run; the audit names the first broken link. Raises UnknownRun."""
        evidence = await self._store.load_evidence(workflow_id)
        strangers = self._keys.strangers(signatures_of(evidence.records, evidence.deeds))
        if strangers:
            self._keys.introduce(stored.key for stored in await self._store.find_keys(strangers))
        return audit(evidence, self._judge)

    async def export(self, workflow_id: UUID, *, values: bool = True) -> bytes:
        """Return the evidence of a run as one document, signed with the process's own key.

        Without ``values`` it has digests in the place of inputs, outputs, logs, errors, messages and variables. Nothing
        is verified. Raises UnknownRun, InvalidInput for a document of more than 256 MiB, and ConfigError without a key
        that may ``operate:export``. The document contains the vouchers of all signers, and that of the exporter.
        """
        keys = await self.require_exporter()
        evidence = await self._store.load_evidence(workflow_id)
        said = (_audience_of(self._settings), datetime.now(UTC))
        vouchers = await self._store.find_keys(_signers_of(evidence))
        return write_document(document_of(evidence, *said, values=values, keys=vouchers), keys)

    async def require_exporter(self) -> Keys:
        """Return the keys of a process that may sign evidence; raises ConfigError with the remedy."""
        keys = self._codec.keyring if isinstance(self._codec, SignedCodec) else self._own
        await keys.prepare(self._store.record_keys, RIGHT)
        try:
            mine = keys.mine_for("evidence")
        except ConfigError as error:
            raise ConfigError(f"evidence is signed: set PAIGEANT_SIGNING_KEY to a key that may {RIGHT}") from error
        if not mine.may(RIGHT):
            raise ConfigError(f"evidence is signed, and {mine.iss} may not {RIGHT}: add it to its rights")
        return keys

    @cached_property
    def _own(self) -> Keys:
        return keys_of(self._settings)()

    def are_same(self, one: bytes, other: bytes) -> bool:
        """True if two documents describe the same state of one run, both signed by permitted keys that we trust."""
        keys = self._keys
        if not isinstance(keys, Keyring):
            return False
        try:
            first, second = (read_document(each, keys, _audience_of(self._settings))[0] for each in (one, other))
        except MessageRejected:
            return False
        return replace(first, at=second.at) == second

    async def verify_all(self, since: Duration | None = None) -> AsyncGenerator[Audit, None]:
        """Yield the audit of each run, newest first; with ``since`` only of runs recorded within this time.

        Raises InvalidInput for an invalid duration.
        """
        age = None if since is None else read_span("since", since, "audit")
        after: str | None = None
        while True:
            page = await self._store.list_runs(RunFilter(created_within=age), limit=PAGE, after=after)
            for run in page.runs:
                yield await self.verify(run.workflow_id)
            after = page.next
            if after is None:
                return


async def export_run(runtime: Runtime, custody: Custody, workflow_id: UUID, *, values: bool = True) -> bytes:
    """Return the evidence of a run as :meth:`Custody.export`, after recording the export, which it includes."""
    deed = await attest(runtime, DeedVerb.EXPORT, workflow_id, {"values": values})
    await custody.require_exporter()
    await runtime.store.get_status(workflow_id)
    await runtime.store.record_deeds([deed])
    return await custody.export(workflow_id, values=values)


def verify_document(made: bytes, jwks: Path, settings: Settings) -> Audit:
    """Verify an exported document with the keys of a set alone; no store is needed.

    Of the settings only namespace and audience count. Raises ConfigError for a key set that cannot be read.
    """
    keys, audience = Keyring(KeyPlaces(settings.namespace, trust=FileKeySet(jwks))), _audience_of(settings)
    try:
        document, key = read_document(made, keys, audience)
    except MessageRejected as error:
        return Audit(None, BROKEN, broken=BrokenLink("", 0, None, "document", str(error)))
    keys.introduce(document.published_keys)
    found = audit_columns(document.run, document.stored_records, document.stored_deeds, Judge(keys, audience))
    return replace(found, exported=Exported(key.iss, document.at, document.values))


def _signers_of(evidence: Evidence) -> set[str]:
    """Return the ids of the keys that signed any part of the evidence, as the signatures claim."""
    headers = {jws.partition(b"..")[0] for jws in signatures_of(evidence.records, evidence.deeds)}
    return {kid for kid in map(kid_of, headers) if kid is not None}


def _audience_of(settings: Settings) -> str:
    return settings.audience or settings.namespace

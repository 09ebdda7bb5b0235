"""Custody: what was signed of runs, verified, and the keys that sign. Importing it loads cryptography."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from paigeant.app.choosing import keys_of
from paigeant.app.options import read_span
from paigeant.app.paigeant import Paigeant
from paigeant.errors import ConfigError
from paigeant.model.values.durations import Duration
from paigeant.security.custody.audit import Audit, audit
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import read_key, write_key
from paigeant.security.custody.trust import read_grants

PAGE: Final = 200
"""Runs that are listed at a time."""


class Custody:
    """Verifies runs with the keys of the settings; no worker is needed for it."""

    def __init__(self, app: Paigeant) -> None:
        """Verify the runs of an open application; raises ConfigError for keys that cannot be read."""
        self._store = app.store
        keys = keys_of(app.settings)()
        self.is_development: bool = keys.is_development
        """Whether no key is configured: then keys prove nothing against who writes to the store."""
        self._judge = Judge(keys, app.settings.audience or app.settings.namespace)

    async def verify(self, workflow_id: UUID) -> Audit:
        """Return whether a run is what was signed, with the first link that is broken; raises UnknownRun."""
        return audit(await self._store.load_evidence(workflow_id), self._judge)

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


def generate_key(path: Path, algorithm: str = "Ed25519") -> str:
    """Write a new private key to a file that only its owner can read; returns its id.

    Raises ConfigError for an algorithm that there is not, and if there is a file already.
    """
    key = SigningKey.generate(algorithm)
    try:
        made = write_key(path, key)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if not made:
        raise ConfigError(f"{path} is there already, and a key is never overwritten: name another file")
    return key.kid


def public_half(path: Path, iss: str, may: Sequence[str]) -> dict[str, Any]:
    """Return the entry of a key for a trusted key set: its public half, whose it is, and what it may sign.

    Raises ConfigError for a file that holds no key, and for a right that there is not.
    """
    grants = read_grants({"iss": iss, "may": list(may)}, str(path))
    return {**read_key(path).public_jwk, "paigeant": grants.model_dump(mode="json", exclude_defaults=True)}

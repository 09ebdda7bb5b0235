"""Custody: what was signed of runs, verified, and the keys that sign. Importing it loads cryptography."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from paigeant.app.choosing import keys_of
from paigeant.app.options import read_span
from paigeant.app.paigeant import Paigeant
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.values.durations import Duration
from paigeant.security.custody.audit import Audit, audit
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import read_key, write_key
from paigeant.security.custody.keysets import edit_trust, granted, read_trust, successor_of
from paigeant.security.custody.trust import read_grants

PAGE: Final = 200
"""Runs that are listed at a time."""


class Custody:
    """Verifies runs with the keys of the settings; no worker is needed for it."""

    def __init__(self, app: Paigeant) -> None:
        """Verify the runs of an open application; raises ConfigError for keys that cannot be read."""
        self._store = app.store
        keys = keys_of(app.settings, create=False)()
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


ROTATION: Final = timedelta(minutes=20)
"""When a new key begins to sign: by then every process has read the key set in which it is."""


def list_keys(settings: Settings) -> list[dict[str, Any]]:
    """Return the keys of the trusted set: each with its id, whose it is, and what it may sign; raises ConfigError."""
    keys = read_trust(_trust_of(settings))
    return [{"kid": each.key.kid, **each.grants.model_dump(mode="json", exclude_defaults=True)} for each in keys]


def rotate_key(settings: Settings, path: Path, *, now: bool = False) -> str:
    """Make a key that takes the place of another, with the same rights, 20 minutes from ``now`` on; returns its id.

    It is written beside the other, and its public half into the trusted set. Raises ConfigError if one is there.
    """
    trust, old, new = _trust_of(settings), read_key(path), SigningKey.generate(read_key(path).algorithm)
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

    Raises ConfigError if there is no successor, or it is not good yet.
    """
    trust, old, new, now = _trust_of(settings), read_key(path), read_key(successor_of(path)), datetime.now(UTC)
    known = {each.key.kid: each for each in read_trust(trust)}
    flaw = known[new.kid].flaw_at(now) if new.kid in known else f"key {new.kid} is not in {trust}"
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


def _trust_of(settings: Settings) -> Path:
    if settings.trust is None:
        raise ConfigError("PAIGEANT_TRUST is not set: it names the key set (JWKS) of all keys that are trusted")
    return settings.folder / Path(settings.trust).expanduser()

"""Audits of a run in its store, and of what is exported of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from pydantic_core import to_json

from paigeant import Paigeant
from paigeant.app.choosing import DEVELOPMENT_KEY, development_folder
from paigeant.app.custody import Custody, public_half, verify_document
from paigeant.security.custody.evidence.verdict import Audit
from paigeant.security.custody.keyring import DEVELOPMENT


async def audit_twice(app: Paigeant, workflow_id: UUID) -> Audit:
    """Return the audit of a run in its store, once those of its documents have come to the same."""
    custody = Custody(app)
    found, jwks = await custody.verify(workflow_id), _key_set(app)
    for values in (True, False):
        made = await custody.export(workflow_id, values=values)
        assert replace(verify_document(made, jwks, app.settings), exported=None) == found
    return found


def _key_set(app: Paigeant) -> Path:
    """Return the file of the keys that are trusted; of development one is written."""
    if app.settings.trust is not None:
        return Path(app.settings.trust)
    folder = development_folder(app.settings)
    assert folder is not None
    rights = ("dispatch:*", "step:*", "operate:*", "adopt")
    path = folder / "trusted.json"
    path.write_bytes(to_json({"keys": [public_half(folder / DEVELOPMENT_KEY, DEVELOPMENT, rights)]}))
    return path

"""Results of an audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

INTACT: Final = "intact"
BROKEN: Final = "broken"
UNSIGNED: Final = "unsigned"


@dataclass(frozen=True)
class BrokenLink:
    """First broken link: the hop, the link, and the reason."""

    path: str
    position: int
    step: str | None
    link: str
    why: str


@dataclass(frozen=True)
class Exported:
    """Signer of a document, its time, and ``values``: without them the digests are the exporter's claim."""

    signed_by: str
    at: datetime
    values: bool


@dataclass(frozen=True)
class Audit:
    """Result of an audit: ``intact``, ``broken`` or ``unsigned``; ``hops`` have the signers, in order.

    ``subject`` is the person on whose behalf the run acts, if any. ``exported`` has the signer of a document; without a
    valid signature of a permitted key nothing is known of it, not even its run.
    """

    workflow_id: UUID | None
    verdict: str
    hops: tuple[dict[str, Any], ...] = ()
    keys: tuple[str, ...] = ()
    broken: BrokenLink | None = None
    deeds: tuple[dict[str, Any], ...] = field(default=())
    subject: str | None = None
    exported: Exported | None = None

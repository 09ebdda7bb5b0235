"""What an audit comes to."""

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
    """The first link that is broken: of which hop, what of it, and why."""

    path: str
    position: int
    step: str | None
    link: str
    why: str


@dataclass(frozen=True)
class Exported:
    """Whose key signed a document, when, and whether ``values`` are in it: else digests are the exporter's word."""

    signed_by: str
    at: datetime
    values: bool


@dataclass(frozen=True)
class Audit:
    """What an audit came to: ``intact``, ``broken`` or ``unsigned``; ``hops`` say who signed what, in order.

    The ``subject`` is the person for whom the run acts, if it acts for one. Of a document ``exported`` says who signed
    it; if it is not what somebody signed who may, nothing is known of it, not even of which run it is.
    """

    workflow_id: UUID | None
    verdict: str
    hops: tuple[dict[str, Any], ...] = ()
    keys: tuple[str, ...] = ()
    broken: BrokenLink | None = None
    deeds: tuple[dict[str, Any], ...] = field(default=())
    subject: str | None = None
    exported: Exported | None = None

"""Deeds: records of what people do to runs and to an installation, signed where hops are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, JsonValue
from uuid_utils.compat import uuid7

from paigeant.model.values.json_text import to_json


class DeedVerb(StrEnum):
    """Verbs of deeds. The permission is ``operate:`` and the verb."""

    CANCEL = "cancel"
    TERMINATE = "terminate"
    RETRY = "retry"
    SIGNAL = "signal"
    VARIABLE = "variable"
    APPROVAL = "approval"
    IDENTITY_RENEW = "identity-renew"
    ADOPT = "adopt"
    EXPORT = "export"
    DRAIN = "drain"
    PRUNE = "prune"
    DEAD_REPLAY = "dead-replay"
    DEAD_DROP = "dead-drop"


class DeedTerms(NamedTuple):
    """Signed facts of a deed: its run, or None, the person, the channel, and the arguments.

    ``follows`` is the digest of the newest record of the run that the person's process has seen.
    """

    verb: DeedVerb
    workflow_id: UUID | None
    by: str
    via: str
    arguments: Mapping[str, JsonValue]
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed as stored: ``arguments`` is a JSON text; text and JWS are present if it is signed."""

    deed_id: UUID
    workflow_id: UUID | None
    verb: str
    by: str
    via: str
    arguments: str
    text: str | None = field(default=None, repr=False)
    jws: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, terms: DeedTerms) -> Deed:
        """Return a new, unsigned deed."""
        arguments = to_json(terms.arguments).decode()
        return cls(uuid7(), terms.workflow_id, terms.verb.value, terms.by, terms.via, arguments)


class StoredDeed(NamedTuple):
    """Deed in the store; ``at`` is its time, by the store's clock."""

    deed: Deed
    at: datetime


class DeedView(BaseModel, frozen=True):
    """Deed as it is shown. ``signed`` means that a signature exists, not that it is valid: see ``audit``."""

    id: UUID
    workflow_id: UUID | None
    at: datetime
    verb: str
    by: str
    via: str
    arguments: JsonValue = None
    signed: bool = False

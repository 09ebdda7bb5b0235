"""Deeds: what people do to runs and to an installation, each with who did it, signed where hops are."""

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
    """What a person can do. The right to it is ``operate:`` and its name."""

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
    """What is said of a deed: to which run, None if to none, by whom, on which way, and with what.

    ``follows`` is the digest of the newest record of the run, as far as whoever does it has seen it.
    """

    verb: DeedVerb
    workflow_id: UUID | None
    by: str
    via: str
    arguments: Mapping[str, JsonValue]
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed as it is kept: ``arguments`` are a JSON text; text and JWS are there if it is signed."""

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
        """Return a new deed, which nobody has signed yet."""
        arguments = to_json(terms.arguments).decode()
        return cls(uuid7(), terms.workflow_id, terms.verb.value, terms.by, terms.via, arguments)


class StoredDeed(NamedTuple):
    """A deed where it rests; ``at`` is when it was done, by the store's clock."""

    deed: Deed
    at: datetime


class DeedView(BaseModel, frozen=True):
    """A deed as it is shown. ``signed`` says that it has a signature, not that this is good: ``audit`` tells."""

    id: UUID
    workflow_id: UUID | None
    at: datetime
    verb: str
    by: str
    via: str
    arguments: JsonValue = None
    signed: bool = False

"""Deeds: records of who does what, written together with the change, and signed where hops are."""

from __future__ import annotations

import getpass
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import PydanticSerializationError

from paigeant.engine.runtime import Runtime
from paigeant.errors import InvalidInput
from paigeant.model.limits import LABEL_PATTERN
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb, DeedView, StoredDeed
from paigeant.model.stored.words import read_json
from paigeant.model.values.digests import digest_of
from paigeant.model.values.showing import shown
from paigeant.model.values.values import Value, text_of
from paigeant.security.custody.deeds import right_to

PROGRAM: Final = "program"


class Actor(NamedTuple):
    """The person who acts, and the channel: command line, API, dashboard or code."""

    by: str
    via: str


_ACTOR: Final[ContextVar[Actor | None]] = ContextVar("actor", default=None)


@contextmanager
def acting(by: str | None = None, *, via: str) -> Generator[None]:
    """Attribute everything done inside to a person, by default the user of the operating system."""
    token = _ACTOR.set(Actor(by or user(), via))
    try:
        yield
    finally:
        _ACTOR.reset(token)


def user() -> str:
    """Return the user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def actor() -> Actor:
    """Return the present actor."""
    return _ACTOR.get() or Actor(user(), PROGRAM)


async def attest(
    runtime: Runtime,
    verb: DeedVerb,
    workflow_id: UUID | None,
    arguments: Mapping[str, JsonValue],
    *,
    by: str | None = None,
) -> Deed:
    """Return the deed for a change that is about to be made, for the store to write with it.

    Where hops are signed the deed is signed, and names the newest record of the run. Raises ConfigError without a key
    that may sign it, InvalidInput for a text that cannot be written or a name that is none, and Unavailable.
    """
    doing = actor()
    _require_name(by)
    await runtime.codec.prepare(runtime.store.record_keys, right_to(verb))
    records = await runtime.store.load_records(workflow_id) if workflow_id is not None and runtime.codec.signs else ()
    follows = records[-1].record.digest if records else None
    terms = DeedTerms(verb, workflow_id, by or doing.by, doing.via, arguments, follows)
    try:
        return runtime.codec.attest(terms)
    except PydanticSerializationError as error:
        raise InvalidInput(f"{verb}: what is said of it cannot be written as JSON: {error}") from error


def _require_name(by: Any) -> None:
    if by is not None and not (isinstance(by, str) and re.fullmatch(LABEL_PATTERN, by)):
        text = "use 1 to 255 characters, none a control character"
        raise InvalidInput(f"by says who does it, and {shown(by)} is no name: {text}")


def digest_of_carried(value: Value) -> str:
    """Return the digest of a value in the form in which its column stores it."""
    return digest_of(text_of(value).encode())


def view_of(stored: StoredDeed) -> DeedView:
    """Return a deed as it is shown."""
    deed = stored.deed
    return DeedView(
        id=deed.deed_id,
        workflow_id=deed.workflow_id,
        at=stored.at,
        verb=deed.verb,
        by=deed.by,
        via=deed.via,
        arguments=read_json(deed.arguments),
        signed=deed.jws is not None,
    )

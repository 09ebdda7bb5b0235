"""A step: one entry of an itinerary, and what governs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import StrEnum
from typing import Annotated, Any, Final, cast
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, StrictBool
from pydantic.dataclasses import dataclass
from pydantic_core import from_json, to_json
from uuid_utils.compat import uuid5

from paigeant.model.checks.options import declared
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.durations import Limit
from paigeant.model.values.roundtrip import write
from paigeant.model.values.shapes import ANYTHING
from paigeant.model.values.values import Blob, Inline, Ref, finite, shelve


class OnInterrupt(StrEnum):
    """What becomes of a step whose worker died, or lost its lease, in the middle of it."""

    RERUN = "rerun"
    """Run it again with the same ``idempotency_key``: at least once."""
    PARK = "park"
    """Wait for a person: at most once."""
    COMPENSATE = "compensate"
    """Count it as failed and undo the run."""


def _arguments(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    given = dict(cast("Mapping[Any, Any]", value))
    finite(given)
    return from_json(write(ANYTHING, given))


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Step:
    """One entry of an itinerary: the activity's name, explicit arguments, and what governs the step.

    ``retry``, ``timeout``, ``heartbeat_timeout`` (durations) and ``on_interrupt`` travel with the slip and win over
    those of the activity's decorator. ``elsewhere`` says that the activity is served by a service that no worker of
    this store has published. ``claims`` and ``id`` are filled in at dispatch: arguments over 4 KiB that stay in the
    store, and the identity, which survives revisions and keys idempotency. Raises RegistrationError for what is wrong.
    """

    activity: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
    arguments: Annotated[dict[str, JsonValue], BeforeValidator(_arguments)] = Field(default_factory=dict)
    retry: RetryPolicy | None = None
    timeout: Limit = None
    heartbeat_timeout: Limit = None
    on_interrupt: OnInterrupt | None = None
    elsewhere: StrictBool = False
    claims: dict[str, Ref] = Field(default_factory=dict)
    id: UUID | None = None


def step_id(workflow_id: UUID, path: str, place: str) -> UUID:
    """Return the identity of the step inserted at this place of a path: uuid5 (RFC 9562) of run, path and place.

    The place is the index in the itinerary with which the path began, or ``<position>.<n>`` for the n-th step that the
    hop at ``position`` inserted. It has no colon, so that no two places come to the same text.
    """
    return uuid5(workflow_id, f"{path}:{place}" if path else place)


def placed(step: Step, identity: UUID | None) -> Step:
    """Return the step with this identity; all else was validated when the step was made, and is not again."""
    made = object.__new__(Step)
    for name in _NAMES:
        object.__setattr__(made, name, getattr(step, name))
    object.__setattr__(made, "id", identity)
    return made


_NAMES: Final = tuple(field.name for field in fields(Step))  # pyright: ignore[reportArgumentType]


def stow(step: Step) -> tuple[Step, tuple[Blob, ...]]:
    """Return the step as it travels, arguments over 4 KiB replaced by claim checks, and what the store must keep."""
    if not step.arguments:
        return step, ()
    shelved = {name: shelve(to_json(value)) for name, value in step.arguments.items()}
    claims = {name: value for name, (value, _) in shelved.items() if isinstance(value, Ref)}
    if not claims:
        return step, ()
    arguments = {name: step.arguments[name] for name, (value, _) in shelved.items() if isinstance(value, Inline)}
    blobs = tuple(blob for _, blob in shelved.values() if blob is not None)
    return replace(step, arguments=arguments, claims={**step.claims, **claims}), blobs

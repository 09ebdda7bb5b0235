"""Secrets in data: the secret names, their readers, and the form of a sealed value.

``{"$sealed": "<JWE>"}`` replaces the value: as a field of the input, a variable or an output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple, Self, cast
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue
from pydantic_core import from_json

from paigeant.model.checks.names import GIVEN
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import shown

SEALED: Final = "$sealed"
"""Only key of the object that replaces a secret."""

HIDDEN: Final = "***"
"""Text shown in place of a secret."""

SECRETS: Final = 100
"""Limit of secrets of one workflow, and of readers of one secret."""

RESERVED: Final = GIVEN | {"log", "output", "fault"}
"""Names that bind to whole values, so that no secret can have them."""

_MARK: Final = to_json(SEALED)
_JWE: Final = '{"protected":'

Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]


class SecretOrigin(NamedTuple):
    """Origin of a secret: its run and its name. It is sealed with the value."""

    workflow_id: UUID
    name: str


class OpenedSecret(NamedTuple):
    """Opened secret: its origin, and the value as JSON text."""

    origin: SecretOrigin
    json: bytes

    def __repr__(self) -> str:
        """Show the origin only."""
        return f"OpenedSecret({self.origin!r}, ***)"


class SecretPolicy(BaseModel, frozen=True, extra="forbid"):
    """Secret names of a run, each with the activities whose steps may read it.

    ``origins`` are other runs whose secrets count as the run's own: the sources of a fork.
    """

    readers: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1, max_length=SECRETS)]] = Field(
        min_length=1, max_length=SECRETS
    )
    origins: tuple[UUID, ...] = ()

    @classmethod
    def read(cls, given: Any) -> Self | None:
        """Return the policy of ``{name: steps}``; raises ValueError for an invalid one."""
        if given is None or given == {}:
            return None
        if not isinstance(given, Mapping):
            text = (
                f"secrets is {shown(given)}; it should be {{'card': ['charge']}}: names, with the steps that read them"
            )
            raise ValueError(text)  # noqa: TRY004  (whatever is wrong with a declaration is the same)
        several = cast("Mapping[Any, Any]", given).items()
        said = {name: [each] if isinstance(each, str) else each for name, each in several}
        for name in said:
            if name in RESERVED:
                raise ValueError(f"secrets: {name!r} is a whole value: name fields of the input, variables or outputs")
        return cls.model_validate({"readers": said})

    def readable(self, activity: str) -> frozenset[str]:
        """Return the secrets that steps of an activity may read."""
        return frozenset(name for name, steps in self.readers.items() if activity in steps)

    def name_of(self, activity: str, name: str | None) -> str | None:
        """Return the secret that the output of a step is, by its name or its activity; None if it is none."""
        return next((each for each in (name, activity) if each in self.readers), None)

    def refusal(self, step: str, name: str) -> str:
        """Return the error text for a step that requests a secret it may not read."""
        readers = ", ".join(self.readers[name])
        return f"{name!r} is a secret that only {readers} may read: add {step!r} to secrets={{{name!r}: […]}}"


def made_by_model(name: str) -> str:
    """Return the error text for a secret that is the output of an agent."""
    return f"its output is the secret {name!r}, and a model's answers are recorded in clear: have a function make it"


def wrap(jwe: bytes) -> bytes:
    """Return the JSON text that replaces a sealed value."""
    return to_json({SEALED: jwe.decode()})


def may_be_sealed(json: bytes) -> bool:
    """True if a JSON text may contain a secret; a fast test with false positives."""
    return _MARK in json


def sealed_in(value: JsonValue) -> str | None:
    """Return the JWE of a secret, None for any other value."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    text = value.get(SEALED)
    return text if isinstance(text, str) and text.startswith(_JWE) else None


def replaced(value: JsonValue, change: Callable[[str], JsonValue]) -> JsonValue:
    """Return JSON data in which each secret is replaced by the result of ``change`` for its JWE."""
    sealed = sealed_in(value)
    if sealed is not None:
        return change(sealed)
    if isinstance(value, dict):
        return {name: replaced(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, change) for each in value]
    return value


def hidden(value: JsonValue) -> JsonValue:
    """Return JSON data with ``***`` in the place of each secret."""
    return replaced(value, lambda _: HIDDEN)


def hidden_json(json: bytes) -> bytes:
    """Return a JSON text with ``***`` in the place of each secret."""
    return to_json(hidden(from_json(json))) if may_be_sealed(json) else json

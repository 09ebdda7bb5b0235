"""Names in a run: outputs of steps, variables, signals."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field

from paigeant.model.limits import NAME_PATTERN

GIVEN: Final = frozenset({"payload", "previous"})
"""Names that mean the whole input and the last output, whatever variables there are."""


def taken(name: str) -> str | None:
    """Return the reason why an output, variable or signal cannot have this name, None if it can."""
    if name not in GIVEN:
        return None
    return f"that is what every step calls {'the whole input' if name == 'payload' else 'the output before it'}"


def _free(name: str) -> str:
    if (reason := taken(name)) is not None:
        raise ValueError(f"{reason}; take another name")
    return name


OutputName: TypeAlias = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$"), AfterValidator(_free)]
"""Name under which an entry's output is stored."""

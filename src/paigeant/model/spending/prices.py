"""Prices of models that a team has agreed with its provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Self

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import spelled, written_at
from paigeant.model.values.showing import shown

PARTS: Final = ("input", "output", "cached")
_MILLION: Final = Decimal(1_000_000)


def flaw_of(part: str, value: Any) -> str | None:
    """Return the error in a part of a price, None if it is valid; only ``cached`` may be left out."""
    if value is None and part == "cached":
        return None
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if number and Decimal(str(value)).is_finite() and Decimal(str(value)) >= 0:
        return None
    return f"is {shown(value)}; it should be US dollars a million tokens, from 0"


@spelled()
@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, of the input and of the output; it overrides the price list.

    Tokens read from a cache cost ``cached``, by default as much as other input tokens.
    """

    input: Decimal | float
    output: Decimal | float
    cached: Decimal | float | None = None

    def __post_init__(self) -> None:
        """Raise RegistrationError for an invalid price."""
        for name in PARTS:
            if (flaw := flaw_of(name, getattr(self, name))) is not None:
                raise RegistrationError(f"{written_at()}: Price: {name} {flaw}")

    def of(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Decimal:
        """Return the cost of tokens in US dollars; ``cached_tokens`` are included in those of the input."""
        used, got = Decimal(str(self.input)), Decimal(str(self.output))
        cached = used if self.cached is None else Decimal(str(self.cached))
        return ((input_tokens - cached_tokens) * used + cached_tokens * cached + output_tokens * got) / _MILLION


@dataclass(frozen=True, slots=True)
class Prices:
    """Agreed prices: an agent's ``own`` price; else by model name, such as ``gpt-5`` or ``openai:gpt-5``.

    ``asked`` is the price of the requested model, for answers that name the model differently, for example with a date.
    """

    own: Price | None = None
    by_model: Mapping[str, Price] = field(default_factory=dict[str, Price])
    asked: Price | None = None

    def find(self, provider: str | None, model: str | None) -> Price | None:
        """Return the price of a model; None without an agreed one."""
        named = self.by_model.get(f"{provider}:{model}") or self.by_model.get(model or "")
        return self.own or named or self.asked

    def asking(self, provider: str | None, model: str | None) -> Self:
        """Return the prices for the answer to a request to this model."""
        return replace(self, asked=self.find(provider, model))

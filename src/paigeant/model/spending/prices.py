"""Prices of models, as a team has agreed them with its provider."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import spelled, written_at
from paigeant.model.values.showing import shown

_MILLION: Final = Decimal(1_000_000)


@spelled()
@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, of the input and of the output; it wins over the price list.

    Tokens that are read from a cache cost ``cached``, by default as much as any others of the input.
    """

    input: Decimal | float
    output: Decimal | float
    cached: Decimal | float | None = None

    def __post_init__(self) -> None:
        """Raise RegistrationError for what is no price."""
        for name in ("input", "output", "cached"):
            value: Any = getattr(self, name)
            if value is None and name == "cached":
                continue
            number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
            if not number or not Decimal(str(value)).is_finite() or Decimal(str(value)) < 0:
                what = f"{name} is {shown(value)}; it should be US dollars a million tokens, from 0"
                raise RegistrationError(f"{written_at()}: Price: {what}")

    def of(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Decimal:
        """Return what so many tokens cost, in US dollars; the ``cached_tokens`` are among those of the input."""
        used, got = Decimal(str(self.input)), Decimal(str(self.output))
        cached = used if self.cached is None else Decimal(str(self.cached))
        return ((input_tokens - cached_tokens) * used + cached_tokens * cached + output_tokens * got) / _MILLION

"""Money: decimal dollars, and their stored integers."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

_PICOS: Final = Decimal(10) ** 12


def picos_of(cost: Decimal | None) -> int | None:
    """Return a cost in 10⁻¹² dollars, as stored: an integer, so that sums are exact everywhere."""
    return None if cost is None else int((cost * _PICOS).to_integral_value(ROUND_HALF_EVEN))


def cost_of(picos: int | None) -> Decimal | None:
    """Return the cost of a stored integer."""
    return None if picos is None else Decimal(picos) / _PICOS

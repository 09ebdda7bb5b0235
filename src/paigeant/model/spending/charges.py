"""Charges: the costs of single requests to models."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from paigeant.model.spending.money import picos_of
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json


@dataclass(frozen=True, slots=True)
class Charge:
    """Cost of one request to a model; ``key`` is unique within the step and epoch, so that it is counted once.

    ``provider`` and ``model`` are those that answered. ``cost`` is in US dollars, None for an unknown price, which is
    not free. ``jws`` is its signature.
    """

    key: str
    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost: Decimal | None = None
    agent: str | None = None
    jws: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """The digest of all that is signed of it."""
        tokens = (self.input_tokens, self.output_tokens, self.cache_read_tokens, self.cache_write_tokens)
        cost = None if self.cost is None else picos_of(self.cost)
        return digest_of(to_json([self.provider, self.model, *tokens, cost, self.agent]))

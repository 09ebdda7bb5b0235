"""Model request before it is made: the model, and the estimated cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.usage import RequestUsage

from paigeant.agents.durable.charges import cost_of_response
from paigeant.agents.durable.keys import size_of
from paigeant.errors import Terminal
from paigeant.model.spending.budgets import Amount, Budget
from paigeant.model.spending.money import picos_of
from paigeant.model.spending.prices import Prices

_BYTES: Final = 4
"""Approximate number of bytes in a token."""
_ANSWER: Final = 256
"""Assumed tokens of an answer, without a better estimate."""
_LARGEST: Final[dict[str, int]] = {}
"""Tokens of the largest answer of each agent in this process."""


def note_output(agent: str, tokens: int) -> None:
    """Record the size of an agent's answer."""
    _LARGEST[agent] = max(tokens, _LARGEST.get(agent, 0))


class Request(NamedTuple):
    """Request: its model, if known, the messages, and the limit of output tokens.

    A request for embeddings has ``texts``, and no output tokens.
    """

    model: Any
    messages: Sequence[ModelMessage] = ()
    max_tokens: int | None = None
    texts: Sequence[str] | None = None

    @classmethod
    def of(cls, context: RunContext[Any] | None, cache_key: tuple[object, ...]) -> Request:
        """Return the request in the key of a model's call."""
        said = [*cache_key, None, None, None]  # of a compaction it is shorter
        most = cast("Mapping[str, Any]", said[2]).get("max_tokens") if isinstance(said[2], Mapping) else None
        messages = cast("Sequence[ModelMessage]", said[1]) if isinstance(said[1], list) else ()
        return cls(None if context is None else context.model, messages, most)

    @property
    def called(self) -> str:
        """Name of the model for pauses: for a fallback, the common name of all."""
        if self.model is None:
            return "unknown"
        system, name = self.model.system, self.model.model_name
        return name if system == name else f"{system}:{name}"

    def estimate(self, agent: str, prices: Prices, budgets: Sequence[Budget]) -> Amount:
        """Return the estimated cost; raises Terminal if a budget is in dollars and no price is known.

        The input is estimated by the size of its messages; the output by its limit, or by the largest one so far.
        """
        used = (sum(map(size_of, self.messages)) + sum(map(len, self.texts or ()))) // _BYTES
        got = 0 if self.texts is not None else self.max_tokens or _LARGEST.get(agent) or _ANSWER
        priced = any(budget.usd is not None for budget in budgets)
        cost = self._cost(used, got, prices) if priced else None
        if cost is None and priced:
            cure = "say what it costs: activity.agent(…, price=Price(input=0.25, output=2)), or prices: in the settings"
            raise Terminal(
                f"agent {agent!r}: a budget is in US dollars, and model {self.called!r} has no price; {cure}"
            )
        return Amount(picos_of(cost) or 0, used + got)

    @property
    def names(self) -> tuple[str | None, str | None]:
        """Provider and name of the model."""
        return (None, None) if self.model is None else (self.model.system, self.model.model_name)

    def _cost(self, used: int, got: int, prices: Prices) -> Decimal | None:
        provider, name = self.names
        price = prices.find(provider, name)
        if price is not None:
            return price.of(used, got)
        usage = RequestUsage(input_tokens=used, output_tokens=got)
        return cost_of_response(ModelResponse(parts=[], usage=usage, model_name=name, provider_name=provider))

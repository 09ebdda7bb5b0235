"""What a model's answers cost: tokens as they are said, money by the price list of genai-prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.usage import RequestUsage

from paigeant.model.spending.prices import Price
from paigeant.model.stored.checkpoints import Charge

UNKNOWN: Final = "unknown"


def charge_of_answer(key: str, answer: Mapping[str, Any], agent: str, price: Price | None) -> Charge:
    """Return the charge of a recorded answer: a response of a model as JSON data."""
    try:
        usage = RequestUsage(**_usage(answer.get("usage") or {}))
    except (TypeError, ValidationError):
        usage = RequestUsage()
    response = ModelResponse(
        parts=[],
        usage=usage,
        model_name=answer.get("model_name"),
        provider_name=answer.get("provider_name"),
        provider_url=answer.get("provider_url"),
    )
    return charge_of_response(key, response, agent, price)


def charge_of_response(key: str, response: ModelResponse, agent: str | None, price: Price | None) -> Charge:
    """Return the charge of a model's response."""
    usage = response.usage
    return Charge(
        key,
        response.provider_name or UNKNOWN,
        response.model_name or UNKNOWN,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        cost_of_response(response)
        if price is None
        else price.of(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
        agent,
    )


def charges_within(key: str, messages: Sequence[ModelMessage]) -> list[Charge]:
    """Return the charges of a run that nothing has recorded, as those of the tool's call within which it ran."""
    responses = [message for message in messages if isinstance(message, ModelResponse)]
    return [charge_of_response(f"{key}/{n}", response, None, None) for n, response in enumerate(responses)]


def _usage(said: Mapping[str, Any]) -> dict[str, Any]:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "details")
    return {name: said[name] for name in names if said.get(name)}


def cost_of_response(response: ModelResponse) -> Decimal | None:
    """Return the price, None if the list has none: it is not free."""
    if response.model_name is None:
        return None
    try:
        return response.cost().total_price
    except (LookupError, ValueError):
        return None

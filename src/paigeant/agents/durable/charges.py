"""Charges of model answers: tokens as reported, money by the price list of genai-prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_ai.messages import ModelMessage, ModelResponse

from paigeant.model.spending.charges import Charge
from paigeant.model.spending.prices import Prices

UNKNOWN: Final = "unknown"

_RESPONSE: Final = TypeAdapter(ModelResponse)
_SAID: Final = ("usage", "model_name", "provider_name", "provider_url", "provider_details", "timestamp")
"""Fields of an answer that determine its cost."""
_COUNTED: Final = ("input_tokens", "output_tokens", "cost")
_BILLED: Final = "openrouter"
"""Provider that reports the charged dollars with each answer."""


def charge_of_answer(key: str, answer: Mapping[str, Any], agent: str, prices: Prices) -> Charge:
    """Return the charge of a recorded answer: a response of a model as JSON data."""
    said = {name: answer[name] for name in _SAID if answer.get(name) is not None}
    try:
        response = _RESPONSE.validate_python({"parts": [], **said})
    except ValidationError:
        response = ModelResponse(parts=[])
    return charge_of_response(key, response, agent, prices)


def is_pending(answer: object) -> bool:
    """True if an answer is still to come, as that of a batch: polling for it costs nothing."""
    said = cast("Mapping[str, Any]", answer if isinstance(answer, Mapping) else {})
    used: Mapping[str, Any] = said.get("usage") or {}
    return said.get("state") == "suspended" and not any(used.get(name) for name in _COUNTED)


def charge_of_response(key: str, response: ModelResponse, agent: str | None, prices: Prices) -> Charge:
    """Return the charge of a model's response."""
    usage, price = response.usage, prices.find(response.provider_name, response.model_name)
    return Charge(
        key,
        response.provider_name or UNKNOWN,
        response.model_name or UNKNOWN,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        cost_of_response(response)
        if price is None or usage.unmeasured_requests
        else price.of(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
        agent,
    )


def charges_within(key: str, messages: Sequence[ModelMessage], prices: Prices) -> list[Charge]:
    """Return the charges of an unrecorded run, as those of the tool's call that contains it."""
    responses = [message for message in messages if isinstance(message, ModelResponse)]
    return [charge_of_response(f"{key}/{n}", response, None, prices) for n, response in enumerate(responses)]


def cost_of_response(response: ModelResponse) -> Decimal | None:
    """Return the cost reported by the provider, else by the price list; None if unknown, which is not free."""
    said = response.usage.cost if response.usage.cost is not None else _billed(response)
    if said is not None and said.is_finite() and said >= 0:
        return said
    if response.model_name is None:
        return None
    try:
        return response.cost().total_price
    except (LookupError, ValueError):
        return None


def _billed(response: ModelResponse) -> Decimal | None:
    """Return the charge reported by OpenRouter; with an own key, including that of the upstream provider."""
    details = response.provider_details or {}
    if response.provider_name != _BILLED or not {"cost", "is_byok"} & set(details):
        return None
    parts = [details.get("cost"), details.get("upstream_inference_cost") if details.get("is_byok") else None]
    known = [part for part in parts if part is not None]
    try:
        return sum((Decimal(str(part)) for part in known), Decimal(0)) if known else None
    except InvalidOperation:
        return None

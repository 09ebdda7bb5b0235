"""What an answer costs is what its provider says that it has charged, else what the list says of all of its tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter
from pydantic_ai.messages import ModelResponse
from pydantic_ai.usage import RequestUsage

from paigeant import Price
from paigeant.agents.durable.charges import charge_of_answer
from paigeant.model.spending.prices import Prices

ANSWER = TypeAdapter(ModelResponse)


def charged(response: ModelResponse, price: Price | None = None) -> Decimal | None:
    return charge_of_answer("k", ANSWER.dump_python(response, mode="json"), "writer", Prices(price)).cost


def answered(usage: RequestUsage, provider: str = "openrouter", details: Any = None) -> ModelResponse:
    name = "claude-sonnet-4-5" if provider == "anthropic" else "gpt-5-mini"
    return ModelResponse(parts=[], usage=usage, model_name=name, provider_name=provider, provider_details=details)


USED = RequestUsage(input_tokens=1_000, output_tokens=100)


@pytest.mark.parametrize(
    ("response", "cost"),
    [
        (answered(RequestUsage(input_tokens=9, cost=Decimal("0.0038"))), "0.0038"),
        (answered(RequestUsage(input_tokens=9, cost=Decimal(0))), "0"),  # of a cache
        (answered(USED, details={"cost": 0.00123}), "0.00123"),
        (answered(USED, details={"cost": 0.05, "is_byok": False, "upstream_inference_cost": 1.5}), "0.05"),
        (answered(USED, details={"cost": 0.05, "is_byok": True, "upstream_inference_cost": 1.5}), "1.55"),
        (answered(USED, details={"is_byok": True, "upstream_inference_cost": 1.5}), "1.5"),
    ],
)
def test_what_the_provider_says_that_it_has_charged_counts(response: ModelResponse, cost: str):
    assert charged(response) == Decimal(cost)
    assert charged(response, Price(input=1, output=1)) == Price(input=1, output=1).of(
        response.usage.input_tokens, response.usage.output_tokens, 0
    )


@pytest.mark.parametrize("details", [{"cost": "much"}, {"cost": -1}, {"cost": float("nan")}, {"is_byok": True}])
def test_what_is_no_cost_leaves_it_to_the_list(details: dict[str, Any]):
    assert charged(answered(USED, "openai", details)) == charged(answered(USED, "openai"))
    assert charged(answered(USED, details=details)) == charged(answered(USED))


@pytest.mark.parametrize("kind", ["cache_write_1h_tokens", "cache_write_tokens", "cache_read_tokens"])
def test_all_kinds_of_tokens_have_their_price(kind: str):
    used: dict[str, Any] = {"cache_write_tokens": 500, kind: 500}
    response = answered(RequestUsage(input_tokens=1_000, output_tokens=10, **used), "anthropic")
    response.timestamp = datetime(2026, 1, 2, tzinfo=UTC)

    assert charged(response) == response.cost().total_price


def test_an_answer_that_does_not_say_what_it_used_is_not_free():
    silent = answered(RequestUsage(unmeasured_requests=1), "openai")

    assert charged(silent) is None
    assert charged(silent, Price(input=1, output=1)) is None
    assert charge_of_answer("k", {"usage": "odd", "model_name": 5}, "writer", Prices()).cost is None


CHEAP, DEAR = Price(input=1, output=1), Price(input=7, output=7)


@pytest.mark.parametrize(
    ("prices", "price"),
    [
        (Prices(by_model={"gpt-5-mini": CHEAP}), CHEAP),
        (Prices(by_model={"gpt-5-mini": DEAR, "openai:gpt-5-mini": CHEAP}), CHEAP),
        (Prices(CHEAP, {"gpt-5-mini": DEAR}), CHEAP),
        (Prices(by_model={"mini": CHEAP}).asking("openai", "mini"), CHEAP),
        (Prices(by_model={"mini": DEAR, "gpt-5-mini": CHEAP}).asking("openai", "mini"), CHEAP),
        (Prices(by_model={"azure:gpt-5-mini": DEAR, "gpt-5": DEAR}), None),
    ],
)
def test_the_price_that_was_agreed_for_the_model_wins_over_the_list(prices: Prices, price: Price | None):
    response = answered(USED, "openai")

    cost = charge_of_answer("k", ANSWER.dump_python(response, mode="json"), "writer", prices).cost

    assert cost == (price.of(1_000, 100) if price else response.cost().total_price)

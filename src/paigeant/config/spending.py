"""Settings of agents' spending: budgets and prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Final, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from paigeant.model.entries.entry import WrittenWrongly
from paigeant.model.spending.budgets import Budget
from paigeant.model.spending.prices import PARTS, Price, flaw_of
from paigeant.model.values.showing import did_you_mean, shown

_BUDGETS: Final = TypeAdapter(tuple[Budget, ...])
_OF_A_BUDGET: Final = tuple(field.name for field in fields(Budget))


def read_budgets(said: Any, *within: str) -> tuple[Budget, ...]:
    """Parse one budget, or a list of them; raises WrittenWrongly."""
    if said is None:
        return ()
    several = isinstance(said, list | tuple)
    try:
        return _BUDGETS.validate_python(said if several else [said])
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = problem["loc"] if several else problem["loc"][1:]
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "unexpected_keyword_argument":
            option = str(place[-1])
            text = f"a budget has no option {option!r}; {did_you_mean(option, _OF_A_BUDGET)}"
            raise WrittenWrongly(text, *within, *place) from error
        text = f"it is {shown(problem['input'])}: {text[:1].lower()}{text[1:]}"
        raise WrittenWrongly(text, *within, *place) from error


def _read_common_budgets(said: Any) -> tuple[Budget, ...]:
    return read_budgets(said)


def _read_prices(said: Any) -> Any:
    """Parse prices by model name; raises WrittenWrongly."""
    if not isinstance(said, Mapping):
        return said
    return {_name(name): _read_price(name, each) for name, each in cast("Mapping[Any, Any]", said).items()}


def _name(name: Any) -> str:
    if isinstance(name, str) and name:
        return name
    raise WrittenWrongly(f"a model is named by a text, as gpt-5 or openai:gpt-5, not {shown(name)}", name)


def _read_price(model: str, said: Any) -> Price:
    if isinstance(said, Price):
        return said
    if not isinstance(said, Mapping):
        raise WrittenWrongly(f"it is {shown(said)}; it should be {_PRICE}", model)
    parts = cast("Mapping[Any, Any]", said)
    for part in parts:
        if part not in PARTS:
            raise WrittenWrongly(f"a price has no option {part!r}; {did_you_mean(str(part), PARTS)}", model, str(part))
    for part in PARTS:
        if part not in parts and part != "cached":
            raise WrittenWrongly(f"{part} is missing; it should be {_PRICE}", model)
        if (flaw := flaw_of(part, parts.get(part))) is not None:
            raise WrittenWrongly(f"it {flaw}", model, part)
    return Price(**cast("dict[str, Any]", dict(parts)))


_PRICE: Final = "US dollars a million tokens, as {input: 0.25, output: 2}"

Budgets: TypeAlias = Annotated[tuple[Budget, ...], BeforeValidator(_read_common_budgets)]
"""Budgets that count all steps: a list of them, or one."""

Prices: TypeAlias = Annotated[dict[str, Price], BeforeValidator(_read_prices)]
"""Agreed prices, by model name."""


class SpendingSettings(BaseModel, frozen=True):
    """Part of the settings. A field's description has its valid values."""

    budgets: Budgets = Field(
        default=(), description="a list of budgets in which all steps count, as [{per: tenant/day, usd: 5}]"
    )
    prices: Prices = Field(
        default_factory=dict[str, Price],
        description="US dollars a million tokens by model, as {gpt-5: {input: 1.25, output: 10}}",
    )

"""Budgets: limits of spending on models, per run, step or day, and the consequence of exceeding one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from paigeant.model.checks.options import declared
from paigeant.model.spending.costs import decimal_text
from paigeant.model.spending.money import cost_of, picos_of
from paigeant.model.values.showing import shown

Per: TypeAlias = Literal["run", "step", "tenant/day", "workflow/day", "agent/day"]
"""Scope of a budget; a day is one of UTC, by the store's clock."""

OnExceed: TypeAlias = Literal["stop", "ask"]
"""Consequence of an exhausted budget: the step fails for good, or waits for a person to raise or deny it."""


def _exact(said: Any) -> Any:
    if isinstance(said, bool):
        raise ValueError("it should be a number")  # noqa: TRY004  (pydantic takes no other)
    try:
        return Decimal(str(said)) if isinstance(said, int | float | str) else said
    except InvalidOperation:
        return said


Usd = Annotated[Decimal | float, BeforeValidator(_exact), Field(gt=0, le=1_000_000)]
Tokens = Annotated[int, Field(strict=True, gt=0, le=10**15)]


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Budget:
    """Limit of spending on models: US dollars, tokens of input and output, or both. It travels with the run.

    It is ``per`` run, or ``"step"``, ``"tenant/day"``, ``"workflow/day"`` or ``"agent/day"``. Room for each request is
    reserved before it is made, by an estimate, and its real cost is counted afterwards, so that concurrent requests do
    not overspend together. A step whose request finds no room fails with ``BudgetExceeded``, or with
    ``on_exceed="ask"`` waits for a person. Raises RegistrationError for an invalid argument.
    """

    usd: Usd | None = None
    tokens: Tokens | None = None
    per: Per = "run"
    on_exceed: OnExceed = "stop"

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.usd is None and self.tokens is None:
            raise ValueError("it says nothing: give usd, tokens or both, as Budget(usd=0.5)")
        return self

    @property
    def cap(self) -> Cap:
        """Cap of the budget."""
        return Cap(picos_of(self._usd), self.tokens)

    @property
    def _usd(self) -> Decimal | None:
        return None if self.usd is None else Decimal(str(self.usd))

    @property
    def said(self) -> dict[str, Any]:
        """The budget as JSON data, without unset fields."""
        caps = {"usd": decimal_text(self._usd), "tokens": self.tokens}
        said = {name: value for name, value in caps.items() if value is not None}
        return said | {"per": self.per, "on_exceed": self.on_exceed}


class Amount(NamedTuple):
    """Money in 10⁻¹² dollars, and tokens."""

    picos: int = 0
    tokens: int = 0

    def plus(self, other: Amount) -> Amount:
        """Return the sum."""
        return Amount(self.picos + other.picos, self.tokens + other.tokens)

    def less(self, other: Amount) -> Amount:
        """Return the difference."""
        return Amount(self.picos - other.picos, self.tokens - other.tokens)


NOTHING: Final = Amount()


class Cap(NamedTuple):
    """Limit of spending; None is unlimited."""

    picos: int | None = None
    tokens: int | None = None

    def raised(self, other: Cap | None) -> Cap:
        """Return the cap with the higher limits of the other; unlimited ones stay unlimited."""
        if other is None:
            return self
        return Cap(_more(self.picos, other.picos), _more(self.tokens, other.tokens))

    @classmethod
    def read(cls, said: Any) -> Cap:
        """Return the caps in JSON data, ``{"usd": 5}``; unlimited for invalid data."""
        if not isinstance(said, Mapping):
            return cls()
        given = cast("Mapping[str, Any]", said)
        try:
            return _SAID.validate_python({name: given[name] for name in ("usd", "tokens") if name in given}).cap
        except ValidationError:
            return cls()

    def holds(self, amount: Amount) -> bool:
        """True if this amount is within the cap."""
        return (self.picos is None or amount.picos <= self.picos) and (
            self.tokens is None or amount.tokens <= self.tokens
        )

    @property
    def text(self) -> str:
        """The cap in words."""
        return shown_amount(self.picos, self.tokens)


def _more(own: int | None, other: int | None) -> int | None:
    return own if own is None or other is None else max(own, other)


def shown_amount(picos: int | None, tokens: int | None) -> str:
    """Return an amount in words, without parts that are None."""
    money = None if picos is None else f"${decimal_text(cost_of(picos))}"
    return ", ".join(part for part in (money, None if tokens is None else f"{tokens:,} tokens") if part)


_SAID: Final = TypeAdapter(Budget)


def read_budgets(given: Any) -> tuple[Budget, ...]:
    """Return one budget, or several, as a tuple; raises ValueError for anything else."""
    several: Sequence[Any] = cast("Sequence[Any]", given) if isinstance(given, list | tuple) else (given,)
    found = tuple(each for each in several if isinstance(each, Budget))
    if len(found) < len(several):
        raise ValueError(f"budget is {shown(given)}; it should be a Budget, or a list of them: Budget(usd=0.5)")
    return found


def read_budget(said: Any) -> Budget:
    """Return a budget of JSON data: US dollars, or an object as a Budget takes it; raises ValueError."""
    try:
        return _SAID.validate_python(said if isinstance(said, Mapping) else {"usd": said})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        about = f"{place} is {shown(problem['input'])}: " if place else ""
        raise ValueError(f"{about}{text[:1].lower()}{text[1:]}") from error

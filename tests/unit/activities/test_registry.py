"""What cannot be an activity is refused where it is declared, by file and line."""

from __future__ import annotations

import functools
import typing
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

import pytest
from pydantic import BaseModel, Field
from pydantic_core import from_json

from paigeant import ActivityContext, ActivityRegistry, ForEach, Parallel, Step, SubWorkflow, Wait, Workflow
from paigeant.errors import InvalidInput, RegistrationError


class Odd:
    """Nothing that pydantic knows."""


def repeat(word: str, times: int) -> str:
    return word * times


class Repeat:
    def __call__(self, word: str) -> str:
        return word * 2


@pytest.fixture
def registry() -> ActivityRegistry:
    return ActivityRegistry()


def test_a_result_that_pydantic_does_not_know_is_refused(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=r"test_registry\.py:\d+: what it returns: pydantic cannot validate"):

        @registry.execute()
        def odd() -> Odd:
            return Odd()


def test_a_compensation_that_returns_what_pydantic_does_not_know_is_refused(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=r"test_registry\.py:\d+: what it returns"):

        @registry.compensate("odd")
        def odd() -> Odd:
            return Odd()


def test_an_argument_that_pydantic_does_not_know_is_refused(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=r"parameter 'odd': pydantic cannot validate"):

        @registry.execute()
        def takes(odd: Odd) -> None:
            del odd


def test_a_function_without_a_name_asks_for_one(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match="it has no name of its own; pass one"):
        registry.execute(partial(repeat, times=2))


def test_what_can_be_called_may_be_an_activity(registry: ActivityRegistry):
    registry.execute("twice")(partial(repeat, times=2))
    registry.execute("again")(Repeat())

    assert registry["twice"].execute.signature.names == ("word", "times")
    assert registry["again"].execute.signature.names == ("word",)


def test_annotations_that_name_nothing_are_refused(registry: ActivityRegistry):
    def lost(what: Nothing) -> None:  # noqa: F821  # pyright: ignore[reportUndefinedVariable, reportUnknownParameterType]
        del what

    with pytest.raises(RegistrationError, match="cannot be resolved: name 'Nothing' is not defined"):
        registry.execute(lost)


class Loose(BaseModel):
    """Knows a type by a name that nobody has given to one."""

    other: Missing  # noqa: F821  # pyright: ignore[reportUndefinedVariable]


@pytest.mark.parametrize(
    "annotation",
    [
        (int, str),
        [int],
        ClassVar[int],
        Annotated[int, Field(gt=Odd)],  # pyright: ignore[reportArgumentType]
        Callable[[], Awaitable[Odd]] | Odd,
    ],
    ids=["tuple", "list", "class variable", "bound", "union"],
)
@pytest.mark.parametrize("of", ["odd", "return"])
def test_an_annotation_of_which_no_type_can_be_made_is_refused(registry: ActivityRegistry, of: str, annotation: Any):
    def step(odd: Any = None) -> Any:
        return odd

    step.__annotations__ = {of: annotation}

    with pytest.raises(RegistrationError, match=r"test_registry\.py:\d+: .*: pydantic cannot validate"):
        registry.execute("step")(step)


def test_a_type_within_an_annotation_that_never_came_is_told_with_the_place_of_the_function(
    registry: ActivityRegistry,
):
    @registry.execute()
    def step(loose: Loose) -> None:
        del loose

    with pytest.raises(RegistrationError, match=r"test_registry\.py:\d+: .* resolved: name 'Missing' is not defined"):
        registry.interface("step")


def test_a_model_of_any_kind_may_be_asked_for(registry: ActivityRegistry):
    @registry.execute()
    def step(models: dict[str, BaseModel]) -> BaseModel:
        return models["any"]

    assert registry.interface("step") is not None


class Unwritten(Enum):
    THING = object()
    NUMBER = 2


def test_an_activity_is_published_whatever_its_types_have_for_json_schemas():
    registry = ActivityRegistry()

    @registry.execute()
    def choose(odd: Unwritten, call: Callable[[], int] = int, kind: type = int) -> Unwritten:
        raise NotImplementedError

    card = registry["choose"].card

    assert from_json(card.arguments)["properties"] == {"odd": {}, "call": {}, "kind": {}}


@functools.singledispatch
def by_kind(value: int) -> int:
    return value


class ByKind:
    @functools.singledispatchmethod
    def choose(self, value: int) -> int:
        return value


@pytest.mark.parametrize("function", [by_kind, ByKind().choose], ids=["function", "method"])
def test_what_chooses_by_a_positional_argument_is_refused(registry: ActivityRegistry, function: Any):
    with pytest.raises(RegistrationError, match="by position, and arguments are bound by name; write a function"):
        registry.execute("choose")(function)


@pytest.mark.parametrize(
    "annotation", [type, type[int], Callable, Callable[[int], int], typing.Callable[..., str]], ids=str
)
def test_code_as_a_value_is_refused_where_it_must_come_from_json(registry: ActivityRegistry, annotation: Any):
    def takes(value: Any) -> None: ...

    def gives() -> Any: ...

    def has_its_own(value: Any = int) -> None: ...

    takes.__annotations__["value"] = has_its_own.__annotations__["value"] = gives.__annotations__["return"] = annotation

    for function, what in ((takes, "parameter 'value'"), (gives, "what it returns")):
        with pytest.raises(RegistrationError, match=f"{what}: .* is code, and values travel as JSON"):
            registry.execute(function)
    registry.execute(has_its_own)


@pytest.mark.parametrize("name", ["payload", "previous"])
def test_nothing_is_called_what_arguments_call_something_else(registry: ActivityRegistry, name: str):
    def step() -> None: ...

    with pytest.raises(RegistrationError, match=rf"no activity is called '{name}': .*execute\('{name}_step'\)"):
        registry.execute(name)(step)
    for entry in (
        lambda: Step(name),
        lambda: Step("charge", name=name),
        lambda: ForEach(name, in_="leads", step="charge"),
        lambda: ForEach("lead", in_="leads", step="charge", name=name),
        lambda: Parallel("charge", name=name),
        lambda: SubWorkflow(name),
        lambda: SubWorkflow("billing", name=name),
        lambda: Wait(name),
    ):
        with pytest.raises(RegistrationError, match=r"is what every step calls the .*; take another name"):
            entry()


class Desk:
    """A service whose methods are activities."""

    def __init__(self, name: str) -> None:
        self.name = name

    def book(self, item: str) -> str:
        return f"{self.name} books {item}"

    @classmethod
    def count(cls, item: str) -> int:
        return len(item)


def test_a_method_that_was_taken_from_its_class_is_refused(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=r"nothing provides its 'self'; register that of an object: execute\('"):
        registry.execute("book")(Desk.book)

    registry.execute("book")(Desk("Ada").book)
    registry.execute("count")(Desk.count)
    assert registry["book"].execute.signature.names == registry["count"].execute.signature.names == ("item",)


def test_a_decorator_above_classmethod_is_told_where_to_register(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=r"the classmethod 'count'; .*: execute\('count'\)\(Service.count\)"):
        registry.execute("count")(cast("Any", vars(Desk)["count"]))


@pytest.mark.parametrize(
    "annotation", [ActivityContext, ActivityContext | None, Annotated[ActivityContext, "the step"]]
)
def test_a_context_may_be_optional_for_a_function_that_is_called_elsewhere_too(
    annotation: Any, registry: ActivityRegistry
):
    def book(item: str, ctx: Any = None) -> str:
        return f"{item} {'in a step' if ctx else 'elsewhere'}"

    book.__annotations__["ctx"] = annotation
    registry.execute()(book)

    assert (registry["book"].execute.signature.context, registry["book"].execute.signature.names) == ("ctx", ("item",))


def test_a_context_that_may_be_something_else_is_no_context(registry: ActivityRegistry):
    def book(ctx: ActivityContext | str) -> None: ...

    with pytest.raises(RegistrationError, match="parameter 'ctx': pydantic cannot validate"):
        registry.execute()(book)


def test_a_method_of_an_object_is_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    assert Workflow("desk", [Desk("Ada").book]).run_sync({"item": "a lamp"}).output == "Ada books a lamp"


def test_what_is_no_entry_but_can_be_called_is_told_to_be_registered():
    with pytest.raises(RegistrationError, match=r"an entry is a name, .*; register it under a name"):
        Workflow("desk", [cast("Any", partial(Desk("Ada").book))])


def test_a_context_without_its_annotation_is_told_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    registry = ActivityRegistry()

    @registry.execute()
    def late(ctx) -> int:  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
        return 1

    with pytest.raises(InvalidInput, match="annotate it: ctx: ActivityContext"):
        Workflow("w", [late]).run_sync({})

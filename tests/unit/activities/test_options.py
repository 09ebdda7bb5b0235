"""Every option is checked where it is written: its name, its type, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from types import GenericAlias
from typing import Any

import pytest

from paigeant import (
    ActivityRegistry,
    ApprovalPolicy,
    ForEach,
    Paigeant,
    Price,
    RetryPolicy,
    Secret,
    Step,
    SyncPaigeant,
    Terminal,
    Workflow,
)
from paigeant.abc import Hooks
from paigeant.config import Settings
from paigeant.errors import BudgetExceeded, InvalidInput, PaigeantError, RegistrationError, ResultError

AGENT_ABSENT: Any = object()


def loose(function: Any) -> Any:
    """Return a function without its types, for what no type checker would let through."""
    return function


def execute(**options: Any) -> None:
    @loose(ActivityRegistry().execute)("a", **options)
    def a() -> None: ...


def compensate(**options: Any) -> None:
    @loose(ActivityRegistry().compensate)("a", **options)
    def a() -> None: ...


def agent(**options: Any) -> None:
    loose(ActivityRegistry().agent)(AGENT_ABSENT, **options)


def step(**options: Any) -> None:
    loose(Step)("a", **options)


def workflow(**options: Any) -> None:
    loose(Workflow)("w", ["a"], **options)


def application(**options: Any) -> None:
    loose(Paigeant)(ActivityRegistry(), **options)


def synchronous(**options: Any) -> None:
    loose(SyncPaigeant)(ActivityRegistry(), **options)


def retry(**options: Any) -> None:
    loose(RetryPolicy)(**options)


def for_each(**options: Any) -> None:
    loose(ForEach)("row", **options)


def approval(**options: Any) -> None:
    loose(ApprovalPolicy)(**options)


def price(**options: Any) -> None:
    loose(Price)(**options)


GOVERNED = (execute, compensate, agent, step)

WRONG: list[tuple[Any, dict[str, Any], str]] = [
    *(
        (where, {"retry": 3}, "it should be a RetryPolicy; for three attempts: RetryPolicy(max_attempts=3)")
        for where in GOVERNED
    ),
    *(
        (where, {"timeout": "30"}, "timeout is '30': '30' is no duration: write 30, which is seconds")
        for where in GOVERNED
    ),
    *(
        (where, {"timeout": True}, "timeout is True: True is no duration: it is a number of seconds")
        for where in GOVERNED
    ),
    *((where, {"timeout": 0}, "more than") for where in GOVERNED),
    *((where, {"heartbeat_timeout": -1}, "heartbeat_timeout is -1") for where in GOVERNED),
    *((where, {"timeout": 10**400}, "timeout is an enormous number") for where in GOVERNED),
    *((where, {"timout": 1}, "no option 'timout'; did you mean 'timeout'?") for where in GOVERNED),
    *((where, {"on_interrupt": "parkk"}, "did you mean 'park'?") for where in (execute, agent, step)),
    *((where, {"on_interrupt": 3}, "it should be 'rerun', 'park' or 'compensate'") for where in (execute, agent, step)),
    *((where, {"on_interupt": "park"}, "did you mean 'on_interrupt'?") for where in (execute, agent, step)),
    *((where, {"concurrency": "2"}, "concurrency is '2'; it should be a whole number") for where in (execute, agent)),
    *(
        (where, {"concurrency": 0}, "concurrency is 0; it should be a whole number from 1")
        for where in (execute, agent)
    ),
    *((where, {"concurrency": True}, "concurrency is True") for where in (execute, agent)),
    (execute, {"name": "a"}, "the name comes first"),
    (agent, {"promt": "x"}, "did you mean 'prompt'?"),
    (agent, {"prompt": 3}, "prompt is 3; it should be a template"),
    (compensate, {"unknown": "yes"}, "unknown is 'yes'; it should be True or False"),
    (compensate, {"unknwon": True}, "did you mean 'unknown'?"),
    (step, {"elsewhere": "yes"}, "elsewhere is 'yes'; it should be True or False"),
    (step, {"arguments": [1]}, "arguments is [1]; it should be a dictionary"),
    (step, {"arguments": {"a": float("nan")}}, "arguments is {'a': nan}: a number is too large for a float"),
    (workflow, {"activites": 1}, "Workflow has no option 'activites'"),
    (application, {"setings": None}, "did you mean 'settings'?"),
    (application, {"settings": {}}, "settings is {}; it should be Settings"),
    (application, {"workflows": "w"}, "workflows is 'w'; it should be a list of Workflows"),
    (application, {"workflows": ["w"]}, "workflows is 'w'; it should be a list of Workflows"),
    (application, {"create": "no"}, "create is 'no'; it should be True or False"),
    (application, {"hooks": 3}, "hooks is 3; it should be Hooks"),
    (application, {"hooks": [Hooks(), 3]}, "hooks is 3; it should be Hooks"),
    (synchronous, {"setings": None}, "SyncPaigeant has no option 'setings'; did you mean 'settings'?"),
    (workflow, {"steps": ["a"]}, "Workflow: multiple values for argument 'steps'"),
    (workflow, {"output": "Receipt"}, "output is 'Receipt', which names a type that cannot be found"),
    (workflow, {"input": list[Any], "output": GenericAlias(list, "Receipt")}, "names a type that cannot be found"),
    (retry, {"multiplier": "2"}, "multiplier is '2'; it should be a number from 1 to 1,000"),
    (retry, {"jitter": "0.1"}, "jitter is '0.1'; it should be a share from 0 to 1"),
    (retry, {"retry_on": 3}, "retry_on is 3: 3 is no class of exceptions; it should be exception classes, or their"),
    (retry, {"no_retry_on": (int,)}, "int is no class of exceptions; it should be exception classes"),
    (for_each, {"in_": "rows", "stp": "a"}, "ForEach has no option 'stp'; did you mean 'step'?"),
    (approval, {"timout": 3}, "ApprovalPolicy has no option 'timout'; did you mean 'timeout'?"),
    (price, {"input": 1, "outputs": 2}, "Price has no option 'outputs'; did you mean 'output'?"),
    (price, {"input": 1}, "Price: missing a required argument: 'output'"),
]


@pytest.mark.parametrize(
    ("declare", "options", "said"), WRONG, ids=[f"{number}-{way.__name__}" for number, (way, *_) in enumerate(WRONG)]
)
def test_a_wrong_option_is_refused_with_file_line_and_what_is_right(
    declare: Callable[..., None], options: dict[str, Any], said: str
):
    with pytest.raises(RegistrationError) as caught:
        declare(**options)

    assert re.match(re.escape(__file__) + r":\d+: ", str(caught.value))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Terminal("no such card", variabels={"card": 1}), "Terminal has no option 'variabels'"),  # pyright: ignore[reportCallIssue, reportArgumentType]
        (lambda: BudgetExceeded("spent", usd=3), "BudgetExceeded has no option 'usd'"),  # pyright: ignore[reportCallIssue, reportArgumentType]
        (lambda: Secret(valeu=3), "Secret has no option 'valeu'; did you mean 'value'?"),  # pyright: ignore[reportCallIssue, reportArgumentType]
    ],
)
def test_what_a_step_makes_is_refused_with_a_misspelt_option(make: Callable[[], object], said: str):
    with pytest.raises(ResultError, match=re.escape(said)):
        make()


@pytest.mark.parametrize("duration", [30, 0.5, timedelta(seconds=3), "1h30m", "2 days"])
@pytest.mark.parametrize("declare", [execute, compensate, step])
def test_a_duration_is_seconds_a_timedelta_or_text(declare: Callable[..., None], duration: Any):
    declare(timeout=duration, heartbeat_timeout=duration, retry=RetryPolicy(initial_delay=duration))


def test_an_activity_keeps_durations_in_seconds():
    registry = ActivityRegistry()

    @registry.execute(timeout="1h30m", heartbeat_timeout=timedelta(minutes=1))
    def a() -> None: ...

    assert (registry["a"].execute.timeout, registry["a"].execute.heartbeat_timeout) == (5400, 60)


@pytest.mark.parametrize(
    ("handlers", "said"),
    [
        ("flows", "handlers is 'flows'; it should be a module or an ActivityRegistry: import flows; Paigeant(flows)"),
        (["a"], "handlers is ['a']; it should be a module or an ActivityRegistry"),
    ],
)
def test_handlers_are_a_module_or_a_registry(handlers: Any, said: str):
    with pytest.raises(RegistrationError) as caught:
        loose(Paigeant)(handlers)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dispatch_key": 123}, "the dispatch key 123 is no label"),
        ({"tenant": b"x"}, "the tenant b'x' is no label"),
        ({"deadline": "soon"}, "dispatch: deadline is 'soon'"),
        ({"deadline": "3600"}, "write 3600, which is seconds, or '3600s'"),
        ({"deadline": 0}, "it must be more than nothing"),
        ({"deadline": 1e300}, "at most 3660 days"),
        ({"deadine": 1}, "dispatch has no option 'deadine'; did you mean 'deadline'?"),
        ({"workflow": 3}, "workflow is 3; it should be a name, or a Workflow"),
    ],
)
async def test_a_dispatch_checks_what_it_is_given(options: dict[str, Any], said: str):
    async with Paigeant(ActivityRegistry(), settings=Settings(store="memory://")) as app:
        given = {"workflow": "w", **options}
        with pytest.raises(InvalidInput) as caught:
            await loose(app.dispatch)(given.pop("workflow"), {}, **given)

    assert said in str(caught.value)


async def test_a_deadline_and_a_timeout_may_be_text():
    registry = ActivityRegistry()

    @registry.execute()
    def a() -> int:
        return 1

    flow = Workflow("w", [Step("a")])
    async with Paigeant(registry, workflows=[flow], settings=Settings(store="memory://")) as app, app.worker():
        run = await app.dispatch(flow, {}, deadline="1h")

        assert (await run.result(timeout="30s")).output == 1
        with pytest.raises(InvalidInput, match="result: timeout is 'later'"):
            await run.result("later")


def test_a_wrapper_that_hides_the_parameters_is_told_of_functools_wraps():
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    @logged
    def a(amount: int) -> int:
        return amount

    with pytest.raises(RegistrationError, match=r"parameter 'args' .* it is \*args; .* @functools.wraps"):
        ActivityRegistry().execute("a")(a)


# -- the same again


def make(module: str, name: str) -> Callable[[], None]:
    def function() -> None: ...

    function.__module__, function.__qualname__, function.__name__ = module, name, "a"
    return function


def test_the_same_function_again_replaces_the_one_before_quietly():
    registry = ActivityRegistry()
    first, again = make("shop", "a"), make("shop", "a")

    for function in (first, again):
        registry.execute("a", timeout=3)(function)
        registry.compensate("a")(function)

    assert registry["a"].execute.function is again
    compensation = registry["a"].compensate
    assert compensation is not None
    assert compensation.function is again


@pytest.mark.parametrize(("module", "name"), [("other", "a"), ("shop", "b"), ("shop", "f.<locals>.a")])
def test_another_function_of_the_same_name_is_a_mistake(module: str, name: str):
    registry = ActivityRegistry()
    registry.execute("a")(make("shop", name if "<locals>" in name else "a"))

    with pytest.raises(RegistrationError, match="activity 'a' is already registered, at "):
        registry.execute("a")(make(module, name))


def test_what_is_included_anew_is_the_newest():
    old, new, app = ActivityRegistry(), ActivityRegistry(), ActivityRegistry()
    old.execute("a")(make("shop", "a"))
    new.execute("a")(again := make("shop", "a"))

    app.include(old)
    app.include(new)

    assert app["a"].execute.function is again


def test_every_error_of_a_declaration_is_one_line():
    for declare, options, _ in WRONG:
        with pytest.raises(PaigeantError) as caught:
            declare(**options)
        assert "\n" not in str(caught.value)

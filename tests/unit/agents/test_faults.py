"""What can never succeed fails at once; what may pass is tried again, under its own name and when the provider says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, ModelRetry, TextPart
from pydantic_ai.exceptions import (
    ContentFilterError,
    FallbackExceptionGroup,
    ModelConnectionError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelUnavailableError,
    RunTimedOut,
    ToolFailed,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, RetryPolicy, Terminal, Workflow, testing

QUICK = RetryPolicy(max_attempts=2, initial_delay=0.01)


@pytest.fixture
def attempt(registry: ActivityRegistry, run: Any):
    """Run an agent whose model fails with this error, once; return its step."""

    async def failing(error: BaseException) -> Any:
        left = [error]

        def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            if left:
                raise left.pop()
            return ModelResponse(parts=[TextPart("at last")])

        registry.agent(Agent(FunctionModel(answer), name="a"), retry=QUICK)
        return (await run(["a"], "x")).steps[0]

    return failing


def http(status: int, **options: Any) -> ModelHTTPError:
    return ModelHTTPError(status, "m", {"error": "as it is"}, **options)


def labelled(value: Any) -> str:
    return f"{type(value).__name__} {getattr(value, 'status_code', '')}" if isinstance(value, Exception) else ""


def categorised(category: Any, status: int, body: object) -> ModelHTTPError:
    return ModelHTTPError.for_category(category, status_code=status, model_name="m", body=body)


@pytest.mark.parametrize(
    "error",
    [
        UserError("misused"),
        UsageLimitExceeded("too many tokens"),
        ContentFilterError("filtered"),
        ImportError("no such provider"),
        ToolFailed("said to the wrong one"),
        http(400),
        http(404),
        http(422),
        FallbackExceptionGroup("all failed", [http(400), http(404)]),
    ],
    ids=labelled,
)
async def test_what_can_never_succeed_fails_at_once(attempt: Any, error: Exception):
    step = await attempt(error)

    assert (step.status, step.attempt) == ("failed", 1)
    assert step.errors[0].type == f"{Terminal.__module__}.Terminal"
    assert step.errors[0].message.startswith(f"agent 'a': {type(error).__name__}: {error}")


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (http(408), "pydantic_ai.exceptions.ModelHTTPError"),
        (http(500), "pydantic_ai.exceptions.ModelHTTPError"),
        (http(409, retry_after=0.01), "pydantic_ai.exceptions.ModelHTTPError"),
        (ModelConnectionError("m", "refused"), "pydantic_ai.exceptions.ModelConnectionError"),
        (ModelRequestTimeout("m", 1.0), "pydantic_ai.exceptions.ModelRequestTimeout"),
        (RunTimedOut("too slow"), "pydantic_ai.exceptions.RunTimedOut"),
        (FallbackExceptionGroup("all failed", [http(400), http(503)]), "pydantic_ai.exceptions.FallbackExceptionGroup"),
        (OSError("the tool's disk is full"), "OSError"),
    ],
    ids=labelled,
)
async def test_what_may_pass_is_tried_again_under_its_own_name(attempt: Any, error: Exception, name: str):
    step = await attempt(error)

    assert (step.status, step.attempt, step.output) == ("completed", 2, "at last")
    assert [each.type for each in step.errors] == [name]


@pytest.mark.parametrize(
    "error",
    [
        http(429, retry_after=0.01),
        categorised(ModelRateLimitError, 429, {}),
        categorised(ModelUnavailableError, 403, {}),
        FallbackExceptionGroup("all failed", [http(429, retry_after=1), http(503)]),
    ],
    ids=labelled,
)
async def test_a_provider_that_refuses_for_the_moment_uses_up_no_attempt(attempt: Any, error: Exception):
    step = await attempt(error)

    assert (step.status, step.attempt, step.output, step.errors) == ("completed", 1, "at last", ())


async def test_the_next_attempt_waits_as_long_as_the_provider_asks(attempt: Any):
    begun = monotonic()

    step = await attempt(http(409, headers={"Retry-After-Ms": "400"}))

    assert step.status == "completed"
    assert monotonic() - begun >= 0.4
    assert step.completed_at - step.errors[0].at >= timedelta(seconds=0.4)


async def test_refused_credentials_are_not_quoted(attempt: Any):
    step = await attempt(ModelHTTPError(401, "m", {"message": "Incorrect API key provided: sk-123"}))

    assert step.attempt == 1
    assert step.errors[0].message == (
        "agent 'a': ModelHTTPError: status_code: 401, model_name: m: the credentials are refused"
    )


async def test_an_exhausted_quota_parks_the_run_until_someone_resumes_it(registry: ActivityRegistry):
    broke = [categorised(ModelQuotaExceededError, 429, {"code": "insufficient_quota"})]

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if broke:
            raise broke.pop()
        return ModelResponse(parts=[TextPart("paid")])

    workflow = Workflow("w", [Agent(FunctionModel(answer), name="a")])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, "x")
        view = await eventually_waiting(run.view)
        await run.retry()
        result = await run.result(timeout=10)

    assert "agent 'a': " in view.reason
    assert "insufficient_quota" in view.reason
    assert (result.status, result.output) == ("completed", "paid")


async def eventually_waiting(look: Callable[[], Any]) -> Any:
    async def waiting() -> Any:
        view = await look()
        return view if view.status == "waiting" else None

    return await testing.eventually(waiting)


async def test_a_model_that_never_answers_as_it_should_fails_at_once(run: Any):
    agent = Agent(FunctionModel(lambda _messages, _info: ModelResponse(parts=[TextPart("seven")])), name="a")

    @agent.output_validator
    def refuse(output: str) -> str:
        raise ModelRetry("a number, please")

    [step] = (await run([agent], "x")).steps

    assert (step.status, step.attempt) == ("failed", 1)
    assert step.errors[0].message.startswith("agent 'a': UnexpectedModelBehavior: Exceeded maximum output retries")
    assert "a number, please; a retry finds the same answers" in step.errors[0].message


async def test_an_error_raised_in_the_users_code_names_its_line(run: Any):
    agent = Agent(FunctionModel(lambda _messages, _info: ModelResponse(parts=[TextPart("x")])), name="a")

    @agent.instructions
    def instruct() -> str:
        raise UserError("these are no instructions")

    [step] = (await run([agent], "x")).steps

    assert step.attempt == 1
    assert step.errors[0].line == 'raise UserError("these are no instructions")'
    assert "test_faults.py:" in step.errors[0].where


@pytest.mark.parametrize(("statuses", "attempts"), [((400, 404), 1), ((400, 503), 2)])
async def test_a_fallback_is_tried_again_if_one_of_its_models_may_answer(
    registry: ActivityRegistry, run: Any, statuses: tuple[int, ...], attempts: int
):
    def model(status: int) -> FunctionModel:
        def fail(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            raise http(status)

        return FunctionModel(fail)

    registry.agent(Agent(FallbackModel(*map(model, statuses)), name="a"), retry=QUICK)

    assert (await run(["a"], "x")).steps[0].attempt == attempts


LONG = "the prompt again: " + "x" * 300 + "its end"


def caused(status: int) -> ModelHTTPError:
    """Return an error as a provider's client raises it: its own has the whole answer in its text."""
    error = ModelHTTPError(status, "m", {"message": LONG})
    error.__cause__ = RuntimeError(f"Error code: {status} - {LONG}")
    return error


@pytest.mark.parametrize(
    "error",
    [
        caused(400),
        caused(401),
        caused(500),
        FallbackExceptionGroup("all failed", [caused(400), caused(502)]),
        UnexpectedModelBehavior("nothing to read", LONG),
    ],
    ids=labelled,
)
async def test_what_a_provider_answered_is_never_shown_whole(attempt: Any, error: Exception):
    step = await attempt(error)

    assert step.errors or step.reason
    assert "its end" not in step.model_dump_json()

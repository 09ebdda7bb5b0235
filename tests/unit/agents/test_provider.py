"""Over a real client and a real connection: answers, refusals, and the provider's word on when to come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic
from typing import Any, cast

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from paigeant import ActivityRegistry, RetryPolicy, Workflow, testing


class Verdict(BaseModel):
    verdict: str
    reasons: list[str]


class Provider(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint: refuses as often as asked, then calls the tool for the output."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Endpoint)
        self.refusals: list[tuple[int, dict[str, str]]] = []
        self.requests: list[Any] = []

    @property
    def model(self) -> OpenAIChatModel:
        return OpenAIChatModel(
            "local", provider=OpenAIProvider(base_url=f"http://127.0.0.1:{self.server_port}/v1", api_key="none")
        )


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        provider = cast("Provider", self.server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        provider.requests.append(body)
        status, headers = provider.refusals.pop(0) if provider.refusals else (200, {})
        refused = {"message": "as asked", "type": "x", "code": headers.get("X-Error")}
        answer = completion(body) if status == 200 else {"error": refused}
        content = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def completion(request: Any) -> Any:
    asked = request["messages"][-1]["content"]
    output = {"name": "final_result", "arguments": json.dumps({"verdict": asked, "reasons": ["said so"]})}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": output}],
    }
    return {
        "id": "r1",
        "object": "chat.completion",
        "created": 1,
        "model": "local",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def judge(provider: Provider, registry: ActivityRegistry) -> None:
    agent = Agent(provider.model, name="judge", output_type=Verdict)
    registry.agent(agent, prompt="judge {case}", retry=RetryPolicy(max_attempts=3, initial_delay=0.01))


async def test_an_answer_becomes_the_output(provider: Provider, judge: None, run: Any):
    result = await run(["judge"], {"case": 7})

    assert result.output == {"verdict": "judge 7", "reasons": ["said so"]}
    assert len(provider.requests) == 1


async def test_too_many_requests_let_the_step_wait_as_long_as_the_provider_says_at_no_attempt(
    provider: Provider, judge: None, run: Any
):
    provider.refusals = [(429, {"Retry-After": "1"})]
    began = monotonic()

    [step] = (await run(["judge"], {"case": 7})).steps

    assert (step.status, step.attempt, step.errors, len(provider.requests)) == ("completed", 1, (), 2)
    assert monotonic() - began >= 1


@pytest.mark.parametrize("status", [503, 529])
async def test_a_provider_that_stays_away_uses_up_no_attempt_and_is_asked_less_and_less(
    provider: Provider, judge: None, registry: ActivityRegistry, status: int
):
    provider.refusals = [(status, {})] * 6
    workflow = Workflow("w", ["judge"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, {"case": 7})
        began = app.memory.now()
        await app.advance(hours=1)
        [step] = (await run.result(timeout=5)).steps

    assert (step.status, step.attempt, len(provider.requests)) == ("completed", 1, 7)
    assert step.completed_at is not None
    assert 2 + 4 + 8 + 16 + 32 + 60 <= (step.completed_at - began).total_seconds() < 135


async def test_a_quota_that_is_used_up_waits_for_a_person_and_pauses_nobody(
    provider: Provider, judge: None, registry: ActivityRegistry
):
    provider.refusals = [(429, {"X-Error": "insufficient_quota"})]
    workflow = Workflow("w", ["judge"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, {"case": 7})
        await app.advance(hours=1)

        assert (await run.status()).value == "waiting"
        assert await app.store.load_pauses() == {}


async def test_a_step_that_meets_a_pause_asks_nothing_and_says_what_it_waits_for(
    provider: Provider, judge: None, registry: ActivityRegistry
):
    workflow = Workflow("w", ["judge"])
    async with testing.app(registry, workflows=[workflow]) as app:
        await app.store.pause_model("openai:local", 60)
        run = await app.dispatch(workflow, {"case": 7})
        await app.advance(seconds=30)

        assert provider.requests == []
        assert (await run.view()).reason == "provider: openai:local is not asked for the moment"

        await app.advance(seconds=40)
        assert (await run.result(timeout=5)).status == "completed"


async def test_refused_credentials_end_the_step_at_once(provider: Provider, judge: None, run: Any):
    provider.refusals = [(401, {})] * 9

    result = await run(["judge"], {"case": 7})

    assert (result.status, result.steps[0].attempt, len(provider.requests)) == ("failed", 1, 1)
    assert "status_code: 401, model_name: local: the credentials are refused" in result.error.message


async def test_a_connection_that_is_refused_is_tried_again(provider: Provider, judge: None, run: Any):
    provider.server_close()
    [step] = (await run(["judge"], {"case": 7})).steps

    assert step.attempt == 3
    assert {error.type for error in step.errors} == {"pydantic_ai.exceptions.ModelConnectionError"}

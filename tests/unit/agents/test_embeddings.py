"""Embeddings are made, and paid, once for a step, and count in its budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_ai import Embedder
from pydantic_ai.embeddings import EmbeddingResult, TestEmbeddingModel

from paigeant import ActivityRegistry, Budget, Price, RetryPolicy, Workflow, testing
from paigeant.agents import PaigeantEmbeddings

AGAIN = RetryPolicy(max_attempts=2, initial_delay=0.01)


class Counted(TestEmbeddingModel):
    """A model that counts what it is asked."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__(dimensions=2)
        self.asked: list[str] = []

    async def embed(self, inputs: str | Sequence[str], **options: Any) -> EmbeddingResult:
        self.asked += [inputs] if isinstance(inputs, str) else inputs
        return await super().embed(inputs, **options)


def embedding(registry: ActivityRegistry, model: Counted, price: Price | None = None) -> Workflow:
    """Register a step that embeds twice, and fails once after that."""
    embedder = Embedder(PaigeantEmbeddings(model, price=price))
    tries: list[int] = []

    @registry.execute(retry=AGAIN)
    async def embed() -> list[float]:
        query = await embedder.embed_query("a query")
        documents = await embedder.embed_documents(["one", "two"])
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
        return [*query["a query"], *documents["two"], documents.usage.input_tokens]

    return Workflow("w", [embed])


async def test_what_was_embedded_is_not_embedded_again_and_is_in_the_ledger(registry: ActivityRegistry):
    workflow = embedding(registry, model := Counted(), Price(input=1, output=0))
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None)
        result = await run.result(timeout=5)
        calls = await app.run(run.workflow_id).calls()

    assert (result.status, result.output[:4], result.steps[0].attempt) == ("completed", [1.0] * 4, 2)
    assert model.asked == ["a query", "one", "two"]
    assert [(call.name, call.kind, call.model, call.provider) for call in calls] == [
        ("embed:test:test", "model", "test", "test")
    ] * 2
    usage = result.steps[0].usage
    assert usage is not None
    assert (usage.requests, usage.output_tokens, usage.unpriced) == (2, 0, 0)
    assert usage.usd == Price(input=1, output=0).of(usage.input_tokens, 0, 0)


async def test_a_budget_has_room_for_them_or_refuses_them(registry: ActivityRegistry):
    workflow = embedding(registry, model := Counted())
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None, budget=Budget(tokens=1))
        result = await run.result(timeout=5)

    assert result.error is not None
    assert "BudgetExceeded" in result.error.type
    assert model.asked in ([], ["a query"])


async def test_another_text_than_the_recorded_one_is_not_passed_over(registry: ActivityRegistry):
    model, texts = Counted(), ["one", "another"]
    embedder = Embedder(PaigeantEmbeddings(model))

    @registry.execute(retry=AGAIN)
    async def embed() -> None:
        await embedder.embed_query(texts.pop(0))
        raise ConnectionError

    async with testing.app(registry, workflows=[Workflow("w", [embed])]) as app:
        run = await app.dispatch("w", None)
        await app.advance(seconds=10)
        view = await run.view()

    assert (view.status, model.asked) == ("waiting", ["one"])
    assert view.reason is not None
    assert "diverged" in view.reason
    assert "embedding 1 of 'test'" in view.reason


async def test_outside_of_a_step_it_does_nothing():
    assert (await Embedder(PaigeantEmbeddings(Counted())).embed_query("x"))["x"] == [1.0, 1.0]

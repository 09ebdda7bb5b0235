"""Embeddings within steps: each request of a model is recorded and charged, as those of agents are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import pydantic_ai
from pydantic import TypeAdapter, ValidationError
from pydantic_ai.embeddings import EmbeddingModel, EmbeddingResult, EmbeddingSettings, WrapperEmbeddingModel
from pydantic_ai.embeddings.result import EmbedInputType

from paigeant.abc import Call
from paigeant.activities.calls.fingerprints import digest
from paigeant.activities.calls.recorded import ENCLOSING, stored_key, unreadable
from paigeant.activities.context import current_session
from paigeant.agents.durable.asking import Asker
from paigeant.agents.durable.requests import Request
from paigeant.model.spending.prices import Price
from paigeant.model.values.json_text import to_json

_RESULT: Final = TypeAdapter(EmbeddingResult)
_NAME: Final = "embeddings"


class PaigeantEmbeddings(WrapperEmbeddingModel):
    """An embedding model whose requests are checkpoints of their step, and are charged to it.

    ``Embedder(PaigeantEmbeddings("openai:text-embedding-3-small"))``, in a tool or in a function. A later attempt finds
    the recorded answer; budgets, pauses and the ledger apply as for agents, under ``name``. Outside of a step it does
    nothing.
    """

    def __init__(self, wrapped: EmbeddingModel | str, *, name: str = _NAME, price: Price | None = None) -> None:
        """Record the requests of this model, and charge by ``price`` if given."""
        super().__init__(wrapped)
        self._asker = Asker(name, price)

    async def embed(
        self, inputs: str | Sequence[str], *, input_type: EmbedInputType, settings: EmbeddingSettings | None = None
    ) -> EmbeddingResult:
        """Return the embeddings, made once for the step."""
        session = current_session()
        if session is None:
            return await self.wrapped.embed(inputs, input_type=input_type, settings=settings)
        texts = [inputs] if isinstance(inputs, str) else list(inputs)
        place = f"{self._asker.agent}__embed:{self.system}:{self.model_name}@{ENCLOSING.get()}"
        number = session.count(place)
        said = f"texts:{digest(to_json([texts, input_type, settings], fallback=repr))}"
        title = f"embedding {number + 1} of {self.model_name!r}"
        call = Call(stored_key(f"{place}.{number}"), said, "model", title, pydantic_ai.__version__)

        async def embedded() -> object:
            result = await self.wrapped.embed(texts, input_type=input_type, settings=settings)
            return _RESULT.dump_python(result, mode="json")

        json = await session.recall(call)
        made = (
            await self._asker.ask(session, call, embedded, Request(self.wrapped, texts=texts))
            if json is None
            else cast("Any", self._asker.read(json, call))
        )
        try:
            return _RESULT.validate_python(made)
        except ValidationError as error:
            raise unreadable(call) from error

"""Model calls: made when budgets and pauses permit, and recorded with their cost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final, cast

from pydantic_core import PydanticSerializationError, from_json

from paigeant.abc import Call, StepSession
from paigeant.activities.calls.contained import Contained
from paigeant.activities.calls.fingerprints import digest
from paigeant.activities.calls.recorded import ENCLOSING, unreadable
from paigeant.agents.durable.charges import charge_of_answer, is_pending
from paigeant.agents.durable.refusals import Refused, delay_of, is_refusal
from paigeant.agents.durable.requests import Request, note_output
from paigeant.errors import Terminal
from paigeant.model.spending.charges import Charge
from paigeant.model.spending.prices import Price, Prices
from paigeant.model.values.json_text import to_json

_LOGGER: Final = logging.getLogger("paigeant.agents")

_NONE: Final = Prices()

LAST_CALL: Final = 10.0
"""Seconds for a pending request to finish once its step is cut short: it is paid for."""


class Unrecordable(Terminal):
    """A result that cannot be written as JSON."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes calls and records them, on behalf of an agent; ``price`` is the agreed one, if any."""

    agent: str
    price: Price | None = None

    async def ask(
        self,
        session: StepSession,
        call: Call,
        body: Callable[[], Awaitable[object]],
        request: Request,
    ) -> object:
        """Call a model; while its provider refuses, or a budget has no room, the step waits without an attempt."""
        gate, model = session.models, request.called
        prices = self.prices(session).asking(*request.names)
        await gate.admit(model)
        if gate.budgets:
            wants = request.estimate(self.agent, prices, gate.budgets)
            await gate.reserve(call.key, wants, self.agent)

        async def noted() -> object:
            try:
                made = await body()
            except Exception as error:
                if gate.budgets:
                    await gate.release(call.key)
                if is_refusal(error):
                    raise Refused(await gate.note_refusal(model, delay_of(error))) from error
                raise
            if gate.budgets and is_pending(made):
                await gate.release(call.key)  # it is not charged
            return made

        try:
            return await self._outlasting(session, partial(self.make, session, call, noted, prices=prices))
        except Refused as refused:
            _LOGGER.warning(
                "model %r is not asked for %.0f s: its provider refuses for the moment", model, refused.left
            )
            gate.wait_for(model, refused.left)

    def prices(self, session: StepSession) -> Prices:
        """Return the agreed prices, of the agent and of all."""
        return Prices(self.price, session.models.prices)

    async def _outlasting(self, session: StepSession, call: Callable[[], Coroutine[Any, Any, object]]) -> object:
        """Make a call in a task of its own, which completes and records it even if the step is cut short."""
        task = asyncio.create_task(call())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                session.outlast(task, LAST_CALL)
            raise

    async def make(
        self,
        session: StepSession,
        call: Call,
        body: Callable[[], Awaitable[object]],
        charges: Callable[[], list[Charge]] = list,
        prices: Prices = _NONE,
    ) -> object:
        """Make a call, and record it with these charges; a model call also with the charge in its answer."""
        token = ENCLOSING.set(digest(call.key.encode()))
        began = monotonic()
        try:
            with Contained(call.title or call.key):  # pydantic-ai makes it in a task, where it would end the worker
                json = to_json(made := await body())
        except (Unrecordable, PydanticSerializationError) as error:
            raise Terminal(f"{call.title}: what it came to cannot be recorded: {error}") from error
        finally:
            ENCLOSING.reset(token)
        took = monotonic() - began
        if call.kind != "model":
            json = await session.record(call, json, took=took, charges=charges())
        elif is_pending(made):
            json = await session.record(call._replace(kind="unit"), json, took=took)
        else:
            cost = charge_of_answer(call.key, cast("Any", made), self.agent, prices)
            note_output(self.agent, cost.output_tokens)
            json = await session.record(call, json, took=took, charges=(cost,))
        return from_json(json)

    def read(self, json: bytes, call: Call) -> object:
        """Return the recorded result; raises Terminal for invalid JSON."""
        try:
            return from_json(json)
        except ValueError as error:
            raise unreadable(call) from error


def unserialisable(error: Exception) -> Exception:
    """Return the error for a result that cannot be written as JSON."""
    return Unrecordable(str(error))

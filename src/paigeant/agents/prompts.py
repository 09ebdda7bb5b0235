"""Prompt of a step's agent: the step's first checkpoint, since a function may put today's date into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic_ai import ModelMessagesTypeAdapter
from pydantic_ai.messages import ModelMessage, ModelRequest, UserPromptPart

from paigeant.abc import Call, StepSession

_CALL: Final = Call("prompt", kind="prompt", title="the prompt")


async def recorded_prompt(session: StepSession | None, make: Callable[[], Awaitable[Any]]) -> Any:
    """Return the prompt, made once for the step: text, images and documents, or None."""
    if session is None:
        return await make()
    json = await session.recall(_CALL)
    if json is None:
        prompt = await make()
        messages: list[ModelMessage] = [] if prompt is None else [ModelRequest(parts=[UserPromptPart(content=prompt)])]
        json = await session.record(_CALL, ModelMessagesTypeAdapter.dump_json(messages))
    recorded = ModelMessagesTypeAdapter.validate_json(json)
    parts = [part for message in recorded for part in message.parts]
    return parts[0].content if parts and isinstance(parts[0], UserPromptPart) else None

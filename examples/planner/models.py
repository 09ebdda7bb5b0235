"""Which model plans: a real one if `PAIGEANT_DEMO_MODEL` says so, else rules that stand in for one."""

import os
import re
from typing import Any
from urllib.parse import urldefrag

from pydantic_ai import ModelMessage, ModelResponse, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel

CHOSEN = os.environ.get("PAIGEANT_DEMO_MODEL", "")
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def choose() -> Model | str:
    """Return the model: a name such as `openai:gpt-5-mini`, a server's, `http://localhost:11434/v1#qwen3`, or rules."""
    if not CHOSEN:
        return FunctionModel(plan, model_name="stand-in")
    return _server(CHOSEN) if CHOSEN.startswith(("http://", "https://")) else CHOSEN


def _server(url: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415  (only who names a server needs the package)
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    base, name = urldefrag(url)
    key = os.environ.get("OPENAI_API_KEY", "none")
    return OpenAIChatModel(name or "default", provider=OpenAIProvider(base_url=base, api_key=key))


def plan(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Write a plan for the wish, then say what it is."""
    parts = [part for message in messages for part in message.parts]
    wish = next(str(part.content) for part in parts if isinstance(part, UserPromptPart))
    city, days = city_of(wish), days_of(wish)
    if not any(isinstance(part, ToolReturnPart) for part in parts):
        steps = [_step("train", city=city), _step("hotel", city=city, nights=days)]
        for day in range(1, days + 1):
            steps += [day_of(wish, day), _step("dinner", day=day, city=city)]
        return ModelResponse(parts=[ToolCallPart("change_plan", {"insert": steps, "reason": f"{days} days in {city}"})])
    idea = {"title": f"{days} days in {city}", "why": "the sea first" if "sea" in wish else "it was what you asked for"}
    return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, idea)])


def day_of(wish: str, day: int) -> dict[str, Any]:
    return _step("boat", day=day) if "sea" in wish and day % 2 else _step("museum", day=day, about="the city")


def city_of(wish: str) -> str:
    found = re.search(r"\bin ([A-Z]\w+)", wish)
    return found[1] if found else "Lisbon"


def days_of(wish: str) -> int:
    found = re.search(rf"\b({'|'.join(NUMBERS)})\b", wish.lower())
    return NUMBERS[found[1]] if found else 2


def _step(activity: str, **arguments: Any) -> dict[str, Any]:
    return {"activity": activity, "arguments": arguments}

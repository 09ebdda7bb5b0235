"""Which model the agents use: a real one if `PAIGEANT_DEMO_MODEL` says so, else rules that stand in for one."""

import asyncio
import os
import re
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urldefrag

from pydantic_ai import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.function import AgentInfo, FunctionModel

CHOSEN = os.environ.get("PAIGEANT_DEMO_MODEL", "")
RETURN_DAYS = 30

Call = tuple[str, dict[str, Any]]
"""The tool that a model calls, and its arguments; the tool `OUTPUT` takes its answer."""

Answer = Callable[[str, list[str]], Call]
"""From what the agent was asked, and which tools have answered already, to the next call."""

OUTPUT = "output"


class Unusable(Exception):
    """The model that was asked for cannot be used here."""


def check() -> None:
    """Raise Unusable, with the reason, if the model that was asked for cannot be used here: no package, no key."""
    try:
        infer_model(choose(triage))
    except ModuleNotFoundError as error:
        needed = f"it needs {error.name}, which is not installed: pip install 'paigeant[openai]'"
        raise Unusable(f"PAIGEANT_DEMO_MODEL={CHOSEN}: {needed}") from error
    except (ImportError, ValueError, UserError) as error:
        raise Unusable(f"PAIGEANT_DEMO_MODEL={CHOSEN}: {error}") from error


def described() -> str:
    """Say which model answers."""
    if CHOSEN:
        return f"The agents ask {CHOSEN}."
    return (
        "No real model is asked: rules in models.py compute each answer from the mail at hand.\n"
        "For a real one: PAIGEANT_DEMO_MODEL=openai:gpt-5-mini, or the URL of an OpenAI-compatible server.\n"
    )


def choose(stand_in: Answer) -> Model | str:
    """Return the model of an agent: a name such as `openai:gpt-5-mini`, a server's, or the stand-in."""
    if not CHOSEN:
        return FunctionModel(_thinking(stand_in), model_name="stand-in")
    return _server(CHOSEN) if CHOSEN.startswith(("http://", "https://")) else CHOSEN


def _server(url: str) -> Model:
    """Return a model of an OpenAI-compatible server: `http://localhost:11434/v1#qwen3`."""
    from openai import AsyncOpenAI  # noqa: PLC0415  (only who names a server needs the package)
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    base, name = urldefrag(url)
    key = os.environ.get("OPENAI_API_KEY", "none")
    client = AsyncOpenAI(base_url=base, api_key=key, max_retries=0)  # the step's retries are enough
    return OpenAIChatModel(name or "default", provider=OpenAIProvider(openai_client=client))


def _thinking(answer: Answer) -> Callable[..., Any]:
    async def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        parts = [part for message in messages if isinstance(message, ModelRequest) for part in message.parts]
        asked = next(str(part.content) for part in parts if isinstance(part, UserPromptPart))
        answered = [part.tool_name for part in parts if isinstance(part, ToolReturnPart)]
        await asyncio.sleep(0.1 + len(asked) % 7 / 20)  # a real one takes its time
        tool, arguments = answer(asked, answered)
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name if tool == OUTPUT else tool, arguments)])

    return respond


# -- the stand-ins: each reads what the agent was asked, and nothing else


def triage(mail: str, _: list[str]) -> Call:
    order = re.search(r"\bA-\d{4}\b", mail)
    refund = re.search(r"\brefund|money back", mail, re.IGNORECASE)
    delivery = re.search(r"parcel|tracking|in transit", mail)
    wish = "refund" if refund else "delivery" if delivery else "other"
    about = f"about order {order[0]}" if order else "about no order"
    summary = f"{_line(mail, 'Subject')} ({wish}, {about})"
    return OUTPUT, {"wish": wish, "order_id": order and order[0], "summary": summary}


def refund(asked: str, answered: list[str]) -> Call:
    if "pay_back" not in answered:
        return "pay_back", {}
    return OUTPUT, {"order_id": _line(asked, "Order"), "amount": _line(asked, "Price")}


def draft(asked: str, _: list[str]) -> Call:
    name = _line(asked, "From").partition("<")[0].strip(' "')
    order, granted = _line(asked, "Order"), _line(asked, "Refund")
    if granted != "none":
        body = f"we have paid you back {granted.partition(',')[0]}; it takes two days to arrive."
    elif order == "none of ours" and "about order" in asked:
        body = "we cannot find an order with that number. Could you send us a photo of the confirmation?"
    elif "(delivery," in asked:
        number = re.search(r"\bA-\d{4}\b", asked)
        which = f" with order {number[0]}" if number and "name the order" in _line(asked, "Reviewer") else ""
        body = f"your parcel{which} is on its way; the carrier tells us that it arrives this week."
    else:
        body = "thank you for writing; a colleague will get back to you today."
    return OUTPUT, {"subject": f"Re: {_line(asked, 'Subject')}", "body": f"Dear {name},\n\n{body}\n\nYour shop"}


def review(asked: str, answered: list[str]) -> Call:
    delivered = re.search(r'"delivered_on":"([\d-]+)"', asked)
    if delivered and "paid you back" in asked:
        days = (date.fromisoformat(_line(asked, "Date")) - date.fromisoformat(delivered[1])).days
        if days > RETURN_DAYS:
            why = f"the order was delivered {days} days before, more than {RETURN_DAYS}"
            return OUTPUT, {"approved": False, "reason": why}
    if "your parcel is" in asked:
        why = "name the order: the customer may have several"
        if "change_plan" not in answered:
            again = [{"activity": "draft"}, {"activity": "review"}]
            return "change_plan", {"insert": again, "reason": why}
        return OUTPUT, {"approved": False, "reason": why}
    return OUTPUT, {"approved": True, "reason": "it answers the mail and promises nothing else"}


def _line(text: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)$", text, re.MULTILINE)
    return found[1] if found else ""

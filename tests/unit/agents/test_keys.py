"""Fingerprints of requests are persisted: they are the same in every version, attempt and order of computation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic_ai import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import SystemPromptPart, ToolReturnPart, UserPromptPart

from paigeant.agents.durable.keys import EarlierMessages, fingerprint

PINNED = "an-earlier-message:87986e0cec2d528b tool-return(look):9f57ff577e5dc216"


def conversation(turns: int, content: type[str] = str) -> list[ModelMessage]:
    """Return a request, and an answer with a tool's call and the tool's result for each turn."""
    messages: list[ModelMessage] = [ModelRequest([SystemPromptPart("today"), UserPromptPart(content("go"))])]
    for turn in range(turns):
        called = ToolCallPart("look", {"item": turn}, tool_call_id=f"c{turn}")
        messages.append(ModelResponse([TextPart(content("so")), called]))
        messages.append(ModelRequest([ToolReturnPart("look", content(f"seen {turn}"), tool_call_id=f"c{turn}")]))
    return messages


def test_the_fingerprint_of_a_request_is_pinned():
    assert fingerprint(conversation(2), EarlierMessages()) == PINNED


def test_requests_of_one_run_have_the_fingerprints_that_each_has_by_itself():
    messages, earlier = conversation(5), EarlierMessages()

    together = [fingerprint(messages[:count], earlier) for count in range(1, 12, 2)]

    assert together == [fingerprint(messages[:count], EarlierMessages()) for count in range(1, 12, 2)]


def test_a_request_with_other_earlier_messages_is_not_taken_for_the_next_of_its_run():
    messages, earlier = conversation(3), EarlierMessages()
    fingerprint(messages[:5], earlier)
    summary = [ModelRequest([UserPromptPart("what was said so far")]), *messages[5:]]
    changed = [replace(messages[0], parts=[UserPromptPart("another")]), *messages[1:]]

    for other in (summary, changed, messages[:3]):
        assert fingerprint(other, earlier) == fingerprint(other, EarlierMessages())


def test_each_message_of_a_long_run_is_read_a_few_times_and_not_with_every_request():
    read: list[str] = []

    class Text(str):
        __slots__ = ()

        def encode(self, *arguments: Any, **options: Any) -> bytes:
            read.append(self)
            return super().encode(*arguments, **options)

    messages, earlier = conversation(50, Text), EarlierMessages()

    for count in range(1, len(messages) + 1, 2):
        fingerprint(messages[:count], earlier)

    assert 100 < len(read) < 200

"""Outputs of agents: their type as the next step sees it, and values that are not outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Union, cast

from pydantic_ai import DeferredToolRequests, NativeOutput, PromptedOutput, TextOutput, ToolOutput

from paigeant.errors import Terminal

_MARKERS: Final = ToolOutput.__module__
"""Module of classes that describe how an output is produced; they are not outputs, except for dict subclasses."""


def output_type(spec: Any) -> Any:
    """Return the annotation of the final output for this ``output_type``; ``Any`` if nothing promises one."""
    members = tuple(dict.fromkeys(_members(spec)))
    return Union[members] if members else Any  # noqa: UP007  (a union of a computed number of members)


def final(output: Any, agent: str) -> Any:
    """Return the output of a completed run; raises Terminal for one that waits for somebody else."""
    if isinstance(output, DeferredToolRequests):
        tools = ", ".join(sorted({call.tool_name for call in (*output.approvals, *output.calls)}))
        text = f"agent {agent!r} ended with calls of {tools} for someone else to approve or answer"
        raise Terminal(f"{text}; a step cannot wait for that: let the tool run, or make it a step of its own")
    if type(output).__module__ == _MARKERS:
        text = f"agent {agent!r} ended with {type(output).__name__}, which is no output; take it out of output_type"
        raise Terminal(text)
    return output


def _members(spec: Any) -> Iterator[Any]:
    if spec is DeferredToolRequests:
        return
    inner = _inside(spec)
    if inner is not None:
        for each in inner:
            yield from _members(each)
    elif inspect.isroutine(spec) or isinstance(spec, partial):
        function = cast("Callable[..., Any]", spec)
        returns = inspect.signature(function, eval_str=True).return_annotation
        yield Any if returns is inspect.Signature.empty else returns
    elif isinstance(spec, type) and spec.__module__ == _MARKERS and not issubclass(spec, dict):
        yield Any
    else:
        yield spec


def _inside(spec: Any) -> Sequence[Any] | None:
    """Return the content of a list or a marker of pydantic-ai; None for a type or a function."""
    match spec:
        case list() | tuple():
            return cast("Sequence[Any]", spec)
        case NativeOutput() | PromptedOutput():
            return [cast("Any", spec).outputs]
        case ToolOutput():
            return [cast("Any", spec).output]
        case TextOutput():
            return [cast("Any", spec).output_function]
        case _:
            return None

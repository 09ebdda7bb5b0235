"""Agent options of a step: they narrow the registration of the agent, and never widen it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic.dataclasses import dataclass

from paigeant.model.checks.options import declared
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.showing import did_you_mean

SETTINGS: Final = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "timeout",
    "parallel_tool_calls",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "stop_sequences",
    "thinking",
    "service_tier",
)
"""Model settings that a slip may contain. Others reach beyond the model: headers, parts of a body, client retries."""

AGENT: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "model": {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
        "settings": {"type": "object", "propertyNames": {"enum": list(SETTINGS)}},
        "request_limit": {"type": "integer", "minimum": 1},
        "tools": {"type": "array", "items": {"type": "string"}},
    },
}
"""Their form in YAML, as JSON Schema."""

Tool = Annotated[str, Field(min_length=1, max_length=200)]
Key = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]


def _settings(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    said = cast("Mapping[Any, Any]", given)
    for name in said:
        if name not in SETTINGS:
            text = f"a step sets no {name!r} of a model; {did_you_mean(str(name), SETTINGS)}"
            raise ValueError(f"{text} (activity.agent(…, settings=…) may set anything)")
    return dict(said)


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class AgentOptions:
    """Agent options of a step: ``Step("writer", agent=AgentOptions(model="fast", request_limit=5))``.

    ``model`` is the key of one of the ``models`` with which the agent was registered; ``settings`` are passed to the
    model, and override those of the registration. ``request_limit`` is the limit of requests in a run of the agent,
    including replayed ones: 50 by default, and at most the registered limit. ``tools`` are the only ones that the model
    is offered. Options that the registration does not allow are refused at dispatch, or with the revision that adds the
    step.
    """

    model: Key | None = None
    settings: Annotated[dict[str, JsonValue], BeforeValidator(_settings)] = Field(default_factory=dict)
    request_limit: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = None
    tools: Annotated[Sequence[Tool], AfterValidator(tuple)] | None = None

"""Commands that let a run go on, and those that answer a question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from pydantic import JsonValue

from paigeant.app.operating.why import Because
from paigeant.model.people.approvals import Approval, AskedKind
from paigeant.model.values.json_text import to_json

_OF_A_QUESTION: Final = frozenset({"approve", "deny"})
"""Verbs about a question, not about the run."""
_SPELT: Final = {"identity renew": "identity renew {run} --token-file FILE", "audit adopt": "audit adopt {run}"}


def how_to_answer(approval: Approval) -> str:
    """Return the command that answers it."""
    match approval.kind:
        case AskedKind.APPROVAL:
            return f"paigeant approvals approve {approval.id}"
        case AskedKind.BUDGET:
            return f"paigeant approvals approve {approval.id} --edit '{to_json(_higher(approval.arguments)).decode()}'"
        case _:
            return f"paigeant approvals answer {approval.id} JSON"


def _higher(budget: JsonValue) -> JsonValue:
    """Return an example of a new cap of an exhausted budget: twice as much of what is limited."""
    limits = budget if isinstance(budget, dict) else {}
    doubled: dict[str, JsonValue] = {}
    if limits.get("usd") is not None:
        doubled["usd"] = float(str(limits["usd"])) * 2
    if isinstance(tokens := limits.get("tokens"), int):
        doubled["tokens"] = tokens * 2
    return doubled or {"usd": 5}


def commands_of(because: Because, run: UUID, asked: Sequence[Approval]) -> Iterator[str]:
    """Yield the commands that help with an open step: answers to its questions, then those about its run."""
    yield from (how_to_answer(each) for each in asked if each.step == because.step)
    for verb in because.verbs:
        name, _, rest = verb.partition(" ")
        if name in _OF_A_QUESTION:
            continue
        if name == "why":  # about another run
            yield f"paigeant {verb}"
        else:
            yield f"paigeant {_SPELT.get(verb, f'{name} {{run}} {rest}'.rstrip()).format(run=run)}"

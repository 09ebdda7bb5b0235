"""The command that answers a question is one that helps as it stands."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import JsonValue

from paigeant.app.operating.why import Because
from paigeant.cli.answering import commands_of, how_to_answer
from paigeant.model.people.approvals import Approval, ApprovalStatus, AskedKind


def asked(kind: AskedKind, arguments: JsonValue) -> Approval:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    facts = {"workflow_id": uuid4(), "workflow": "w", "step": "buy", "position": 1, "tool": "pay", "asked_at": at}
    return Approval(id=7, kind=kind, arguments=arguments, status=ApprovalStatus.OPEN, **facts)


@pytest.mark.parametrize(
    ("budget", "cap"),
    [
        ({"tokens": 3, "per": "run"}, '{"tokens":6}'),
        ({"usd": "0.25"}, '{"usd":0.5}'),
        ({"usd": "1", "tokens": 10}, '{"usd":2.0,"tokens":20}'),
        (None, '{"usd":5}'),
    ],
)
def test_a_budget_is_raised_by_what_it_limits(budget: JsonValue, cap: str):
    assert how_to_answer(asked(AskedKind.BUDGET, budget)) == f"paigeant approvals approve 7 --edit '{cap}'"


@pytest.mark.parametrize(
    ("verb", "command"),
    [
        ("retry --afresh", "paigeant retry {run} --afresh"),
        ("signal go", "paigeant signal {run} go"),
        ("why 0198", "paigeant why 0198"),
        ("audit adopt", "paigeant audit adopt {run}"),
        ("identity renew", "paigeant identity renew {run} --token-file FILE"),
    ],
)
def test_a_command_is_spelt_as_the_program_takes_it(verb: str, command: str):
    run, because = uuid4(), Because(step="buy", cause="x", said="it waits", who="you", verbs=("approve", verb))

    said = list(commands_of(because, run, [asked(AskedKind.APPROVAL, {})]))

    assert said == ["paigeant approvals approve 7", command.format(run=run)]

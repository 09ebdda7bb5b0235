"""Commands that answer a question."""

from __future__ import annotations

from paigeant.model.people.approvals import Approval, AskedKind


def how_to_answer(approval: Approval) -> str:
    """Return the command that answers it."""
    match approval.kind:
        case AskedKind.APPROVAL:
            return f"paigeant approvals approve {approval.id}"
        case AskedKind.BUDGET:
            return f"paigeant approvals approve {approval.id} --edit '{{\"usd\": 5}}'"
        case _:
            return f"paigeant approvals answer {approval.id} JSON"

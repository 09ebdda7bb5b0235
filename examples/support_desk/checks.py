"""Was anything lost, or done twice? What the runs say, held against what the bank and the outbox really did."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import models
import shop

from paigeant import RunResult, RunStatus

Interrupted = tuple[str, int]
"""A step by its ticket and its position."""


def check(
    results: Mapping[str, RunResult], known: set[str], interrupted: set[Interrupted]
) -> Iterator[tuple[str, bool]]:
    """Yield each sentence that must be true, and whether it is; ``known`` are the ids that the store lists."""
    ids = {str(result.workflow_id) for result in results.values()}
    ended = sum(result.status.final for result in results.values())
    yield f"{len(results)} mails, {len(known)} runs, {ended} of them ended", known == ids and ended == len(ids)

    steps = [step for ticket, place in interrupted for step in results[ticket].steps if step.position == place]
    again = sum(step.attempt > 1 for step in steps)
    caught = bool(interrupted) or bool(models.CHOSEN)  # a real model may be done before there is anything to kill
    text = f"{len(interrupted)} steps were cut short by the kill, {again} of them ran again"
    yield text, caught and again == len(interrupted)

    moves, calls = shop.moves(), shop.calls()
    paid, taken = _keys(results, "refund", "execute"), _keys(results, "refund", "compensate")
    text = f"{len(paid)} refunds and {len(taken)} taken back took {len(calls)} calls of the bank"
    yield f"{text}; it moved money {len(moves)} times", sorted(move.key for move in moves) == sorted(paid + taken)

    kept = sum((_kept(result) for result in results.values()), Decimal())
    balance = sum((move.amount for move in moves), Decimal())
    yield f"runs that completed granted {kept} EUR; the bank has paid {balance} EUR", kept == balance

    mails, sent = shop.mails(), _keys(results, "send", "execute")
    yield f"{len(sent)} runs sent a reply; {len(mails)} are in the outbox", sorted(mails) == sorted(sent)


def _keys(results: Mapping[str, RunResult], step: str, direction: str) -> list[str]:
    """Return the idempotency key of each time that this step completed."""
    return [
        each.idempotency_key
        for result in results.values()
        for each in result.steps
        if (each.step, each.direction, each.status) == (step, direction, "completed")
    ]


def _kept(result: RunResult) -> Decimal:
    """Return what the customer may keep."""
    refund: Any = result.variables.get("refund")
    return Decimal(str(refund["amount"])) if refund and result.status is RunStatus.COMPLETED else Decimal()

"""I15 and I16: what is recorded is charged and paid once, approved tools run at most once, and budgets are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chaos.history import History, Hop
from chaos.invariants.breach import Breach, place_of
from chaos.journeys import TOKENS
from chaos.load import CLERK, KINDS, REQUESTS, is_denied

_MODEL = "model"


def the_ledger_is_what_was_recorded(history: History) -> Iterator[Breach]:
    """I15: each recorded request to a model is in the ledger once; the bill exceeds it by no more than lost leases.

    A lease that ends with an outcome, or with a question, loses no request; one that is lost loses at most the one that
    was under way.
    """
    charged = Counter((one.run, one.step_id, one.key) for one in history.ledger)
    recorded = {(one.run, one.step_id, one.key) for one in history.checkpoints if one.kind == _MODEL}
    yield from (
        Breach("I15", f"a recorded request is not charged: {key}", run) for run, _, key in recorded - set(charged)
    )
    yield from (
        Breach("I15", f"a request was charged, not recorded: {key}", run) for run, _, key in set(charged) - recorded
    )
    yield from (Breach("I15", f"a request was charged {n} times: {one}", one[0]) for one, n in charged.items() if n > 1)
    rows, of_step = history.rows(), Counter((run, step_id) for run, step_id, _ in charged)
    billed = Counter((one.number, one.kind) for one in history.bill)
    asked = Counter((one.run, one.step_id) for one in history.approvals)
    for hop in history.hops:
        if hop.step != CLERK:
            continue
        step, row = (hop.run, hop.step_id), rows[hop.run]
        paid, lost = billed[row.number, row.kind], _lost_leases(hop, asked[step])
        if hop.done and of_step[step] != REQUESTS:
            yield Breach(
                "I15", f"{place_of(hop)} is done, and {of_step[step]} of {REQUESTS} requests are charged", hop.run
            )
        if not 0 <= paid - of_step[step] <= lost:
            yield Breach("I15", f"{paid} requests were paid, {of_step[step]} charged; {lost} leases were lost", hop.run)


def _lost_leases(hop: Hop, questions: int) -> int:
    """Return how many leases of a hop can have been lost, at most: a question takes one, and ends it."""
    return max(0, hop.fence - 1 - 2 * questions)


def people_and_budgets_are_heeded(history: History) -> Iterator[Breach]:
    """I16: a tool that a person has to approve ran at most once, if it was, and never if not; no budget is exceeded."""
    rows = history.rows()
    paid = Counter((one.run, one.key) for one in history.tools if one.step == "pay")
    yield from (
        Breach("I16", f"a tool that runs at most once ran {n} times", run) for (run, _), n in paid.items() if n > 1
    )
    of_run = Counter(run for run, _ in paid)
    answered = {one.run: one.status for one in history.approvals if one.kind == "approval"}
    doubtful = {one.run for one in history.approvals if one.kind == "unknown"}
    for run, times in of_run.items():
        if is_denied(rows[run].number) or answered.get(run) != "approved":
            yield Breach("I16", f"a tool that nobody has approved ran {times} times ({answered.get(run)})", run)
    for row in history.runs:
        said_yes = row.status == "completed" and answered.get(row.run) == "approved"
        if said_yes and not of_run[row.run] and row.run not in doubtful:
            yield Breach("I16", "a tool that was approved did not run", row.run)
    yield from _spent(history)


def _spent(history: History) -> Iterator[Breach]:
    rows, spent = history.rows(), Counter[str]()
    for one in history.ledger:
        spent[one.run] += one.tokens
    for run, tokens in spent.items():
        if tokens > (cap := TOKENS[KINDS[rows[run].kind].workflow]):
            yield Breach("I16", f"{tokens} tokens were spent, of {cap}", run)

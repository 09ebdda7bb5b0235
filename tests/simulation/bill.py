"""What must be true of calls that are paid for: each is in the ledger once, and the bill exceeds it by little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, StepStatus
from paigeant.stores.memory.rows import Rows
from tests.simulation.activities import ABREAST, CALLS
from tests.simulation.witness import Witness


def judge_bill(rows: Rows, seen: Witness) -> list[str]:
    """Return what is wrong with it."""
    return [*seen.stale, *seen.paid_again, *_ledger(rows, seen), *_bill(rows, seen)]


def _ledger(rows: Rows, seen: Witness) -> Iterator[str]:
    """The ledger has the recorded calls, each once; a step that is done has all of its own there."""
    charged: Counter[tuple[UUID, str]] = Counter()
    for entry in rows.calls.ledger.values():
        charged[entry.step_id, entry.charge.key] += 1
    if set(charged) != set(seen.recorded) or any(count > 1 for count in charged.values()):
        yield f"the ledger has {sorted(charged.items())}, and recorded is {sorted(seen.recorded)}"
    for hops in rows.hops.values():
        for hop in hops.values():
            done = (hop.step, hop.direction, hop.status) == ("ask", Direction.EXECUTE, StepStatus.COMPLETED)
            of_step = sum(step_id == hop.step_id for step_id, _ in charged)
            if done and of_step != CALLS:
                yield f"{seen.name(hop.key)}: {of_step} calls of a step that is done are in the ledger"


def _bill(rows: Rows, seen: Witness) -> Iterator[str]:
    """What was paid and is not in the ledger is what was under way as a lease came to its end."""
    paid: Counter[HopKey] = Counter()
    for deed in seen.deeds:
        paid[deed.hop] += deed.what.startswith("pays ")
    for key, times in paid.items():
        hop = rows.hop(key)
        kept = 0 if hop is None else sum(step_id == hop.step_id for step_id, _ in seen.recorded)
        if times > kept + ABREAST * seen.leases[key]:
            yield f"{seen.name(key)}: paid {times} times, recorded {kept}, with {seen.leases[key]} leases"

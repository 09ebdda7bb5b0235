"""Recording of repeated calls: the first recording counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Checkpoint


def counting(mine: Checkpoint, first: Checkpoint | None) -> Checkpoint:
    """Return the checkpoint that counts for all attempts: the first of its key, if there is one."""
    return mine if first is None else first


def uncharged(charges: Iterable[Charge], is_known: Callable[[str], bool]) -> Iterator[Charge]:
    """Yield the charges whose keys are not in the ledger yet, checked one by one, so that each is counted once."""
    return (charge for charge in charges if not is_known(charge.key))

"""What is recorded of a call that is made more than once, or whose answer was lost: the first counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from paigeant.model.stored.checkpoints import Charge, Checkpoint


def counting(mine: Checkpoint, first: Checkpoint | None) -> Checkpoint:
    """Return the checkpoint that counts, and that all attempts go on with: the first of its key, if there is one."""
    return mine if first is None else first


def uncharged(charges: Iterable[Charge], is_known: Callable[[str], bool]) -> Iterator[Charge]:
    """Yield the charges whose keys are not in the ledger yet, asked as each is taken: it is counted once."""
    return (charge for charge in charges if not is_known(charge.key))

"""How large things may be. Beyond a limit there is an error that names it, never a silent cut."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

VALUE_BYTES: Final = 16 * 1024 * 1024
"""The input, an output or a variable, as JSON."""

BODY_BYTES: Final = 1024 * 1024
"""A message's body, with all that travels inline."""

PLAN_BYTES: Final = 1024 * 1024
"""An itinerary, with the options and explicit arguments of its steps, as JSON."""

INLINE_BYTES: Final = 4 * 1024
"""What a value, or the itinerary ahead, may measure as JSON to travel in the message; larger ones stay in the store."""

DETAIL_BYTES: Final = 16 * 1024
"""What a step may say of its progress with a heartbeat, as JSON."""

SECRET_BYTES: Final = 64 * 1024 - 512
"""What a secret may measure as JSON: with its name and run 64 KiB are sealed."""

SIGNALS: Final = 1_000
"""Signals of one run that nothing has waited for yet."""

SIGNAL_BYTES: Final = 1024 * 1024
"""What a signal may carry, as JSON."""

CHECKPOINTS: Final = 10_000
"""Calls that one step has recorded: each of its attempts reads all of them."""

STEPS: Final = 2_000
"""Entries of one run, those within others and revisions included."""

OFFERED_BYTES: Final = 64 * 1024
"""What a value may measure as JSON to be seen by a condition."""

NESTED: Final = 5
"""How deep entries of an itinerary may lie within others."""

CONDITION: Final = 1_000
"""Characters of a condition."""

DEPTH: Final = 32
"""How deep JSON may nest, in messages and in input."""

TAIL: Final = 4
"""How many of the newest records of executed steps travel with the message."""

NAME_PATTERN: Final = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}"
"""Names of workflows, activities and namespaces: they become topics, queue names and file names."""

RESERVED: Final = "paigeant."
"""What names of activities must not begin with."""

LABEL_PATTERN: Final = r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}"
"""What a user may call a run by: dispatch keys and tenants."""

PATH_PATTERN: Final = r"[^\x00-\x1f\x7f-\x9f]{0,255}"
"""Where a branch is. Every store can look for it, whoever wrote it."""

POSITIONS: Final = 2**63
"""Positions are below, as in a column of the database."""

LONGEST: Final = timedelta(days=3660)
"""How far ahead a deadline or the end of a wait may lie: ten years."""

SUSPECT_PAUSE: Final = timedelta(seconds=0.5)
"""How long a worker waits before it asks again for a suspect that it was not given."""

WORKER_ALIVE: Final = timedelta(seconds=90)
"""How long after its last report a worker counts as alive."""

LINEAGE_HANDOVERS: Final = 16
"""How many hops in a row one worker hands over to itself before older work gets its turn."""

FIRST_HINT: Final = timedelta(seconds=3)
"""A new twin is announced by whoever wrote it; the sweeper's turn comes after this."""

SUSPECT: Final = 2
"""Leases of a twin that ran out, from which on its step is suspected of killing its workers."""


def next_hint(hints: int) -> timedelta:
    """Return how long after its ``hints``-th announcement by a sweeper a twin is announced again: 3 s to 5 min."""
    return min(FIRST_HINT * 2 ** min(hints, 10), timedelta(minutes=5))

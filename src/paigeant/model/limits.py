"""Limits of sizes. A larger thing is an error that names the limit, never a silent cut."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

VALUE_BYTES: Final = 16 * 1024 * 1024
"""Limit of an input, an output or a variable, as JSON."""

BODY_BYTES: Final = 1024 * 1024
"""Limit of a message's body, with all inline values."""

PLAN_BYTES: Final = 1024 * 1024
"""Limit of an itinerary, with the options and explicit arguments of its steps, as JSON."""

INLINE_BYTES: Final = 4 * 1024
"""Size as JSON up to which a value, or the itinerary ahead, travels in the message; larger ones stay in the store."""

DETAIL_BYTES: Final = 16 * 1024
"""Limit of the detail of a heartbeat, as JSON."""

SECRET_BYTES: Final = 64 * 1024 - 512
"""Limit of a secret as JSON: with its name and run 64 KiB are sealed."""

SIGNALS: Final = 1_000
"""Limit of signals of one run that have met no wait yet."""

SIGNAL_BYTES: Final = 1024 * 1024
"""Limit of a signal's payload, as JSON."""

CHECKPOINTS: Final = 10_000
"""Limit of recorded calls of one step: each attempt reads all of them."""

VARIABLES: Final = 5_000
"""Variables of one run, outputs of steps included."""

STEPS: Final = 2_000
"""Limit of entries of one run, including nested ones and those of revisions."""

OFFERED_BYTES: Final = 64 * 1024
"""Limit of a value that a condition can use, as JSON."""

NESTED: Final = 5
"""Limit of nesting of entries."""

CONDITION: Final = 1_000
"""Limit of characters of a condition."""

DEPTH: Final = 32
"""Limit of nesting of JSON, in messages and in input."""

TAIL: Final = 4
"""Number of the newest records of executed steps that travel with the message."""

NAME_PATTERN: Final = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}"
"""Names of workflows, activities and namespaces: they become topics, queue names and file names."""

RESERVED: Final = "paigeant."
"""Reserved prefix of activity names."""

LABEL_PATTERN: Final = r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}"
"""Labels of runs: dispatch keys and tenants."""

PATH_PATTERN: Final = r"[^\x00-\x1f\x7f-\x9f]{0,255}"
"""Paths of branches. Every store can query such a text."""

KEY_LENGTH: Final = 300
"""Limit of characters of the key of a recorded call."""

KEY_PATTERN: Final = rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{KEY_LENGTH}}}"
"""Keys of recorded calls: text without control characters and surrogates."""

POSITIONS: Final = 2**63
"""Exclusive limit of positions: a 64-bit column."""

LONGEST: Final = timedelta(days=3660)
"""Longest time to a deadline or the end of a wait: ten years."""

SUSPECT_PAUSE: Final = timedelta(seconds=0.5)
"""Pause before a worker claims again a suspect that it did not get."""

WORKER_ALIVE: Final = timedelta(seconds=90)
"""Time after its last report for which a worker counts as alive."""

LINEAGE_HANDOVERS: Final = 16
"""Limit of consecutive hops that one worker hands over to itself before older work gets its turn."""

FIRST_HINT: Final = timedelta(seconds=3)
"""Delay before the sweeper announces a new twin, which its writer announces at once."""

SUSPECT: Final = 2
"""Number of expired leases from which a twin is a suspect: its step may kill its workers."""


def next_hint(hints: int) -> timedelta:
    """Return the delay between a twin's ``hints``-th announcement by a sweeper and the next: 3 s to 5 min."""
    return min(FIRST_HINT * 2 ** min(hints, 10), timedelta(minutes=5))

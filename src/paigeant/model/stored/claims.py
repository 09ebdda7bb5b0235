"""Claims of hops by a worker: hops that are due, announced, overdue to end, or fit its code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from paigeant.model.message import HopKey


class Notice(NamedTuple):
    """Announcement in a delivery: a hop, and the SHA-256 digest of the received bytes."""

    key: HopKey
    digest: bytes


class NoticeStatus(StrEnum):
    """Status of an announced hop that could not be leased.

    ``PENDING``: its twin is leased, not due yet, or a suspect. ``DUE``: it may be leased now; the claim failed because
    another transaction held it, or its run, at that moment. ``ALTERED``: the hop was recorded with other bytes.
    ``AHEAD``: the run is known, and the hop is not.
    """

    PENDING = "pending"
    DUE = "due"
    PASSED = "passed"
    ALTERED = "altered"
    AHEAD = "ahead"
    UNKNOWN_RUN = "unknown_run"


class HeldInterface(NamedTuple):
    """Interface at the dispatch of a hop that is held for code that fits it."""

    activity: str
    interface: str


@dataclass(frozen=True, slots=True)
class Due:
    """Hops of these topics that are due, or whose lease has expired; the one due longest first."""

    topics: Collection[str]


@dataclass(frozen=True, slots=True)
class Announced:
    """Those of these hops that are due, and whose recorded bytes have the given digest."""

    notices: Sequence[tuple[HopKey, bytes]]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Hops of any topic that nobody runs and whose run is past its deadline or is to be cancelled.

    Only forward hops: compensations are not cut short.
    """


@dataclass(frozen=True, slots=True)
class Fitting:
    """Hops held for code that fits one of these interfaces, which the claimant's code fits."""

    wanted: Collection[tuple[str, str]]


Claim: TypeAlias = Due | Announced | Overdue | Fitting

"""What a worker may claim from a store: the hops that are due, announced, overdue to end, or that its code fits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from paigeant.model.message import HopKey


class Notice(NamedTuple):
    """What a delivery announces: a hop, and the SHA-256 digest of the bytes that came."""

    key: HopKey
    digest: bytes


class NoticeStatus(StrEnum):
    """How an announced hop stands that could not be leased.

    ``PENDING``: it is that of a twin that is leased, not due yet, or a suspect. ``DUE``: it may be leased now; whoever
    asked was refused because another transaction held it, or its run, at that moment. ``ALTERED``: the hop was recorded
    with other bytes. ``AHEAD``: of a known run the hop is not known.
    """

    PENDING = "pending"
    DUE = "due"
    PASSED = "passed"
    ALTERED = "altered"
    AHEAD = "ahead"
    UNKNOWN_RUN = "unknown_run"


class HeldInterface(NamedTuple):
    """The interface of an activity that a hop was dispatched against, and for whose code it waits."""

    activity: str
    interface: str


@dataclass(frozen=True, slots=True)
class Due:
    """Hops of these topics whose time has come, or whose lease has run out; the one due longest first."""

    topics: Collection[str]


@dataclass(frozen=True, slots=True)
class Announced:
    """Those of these hops that are due, and whose recorded bytes have the digest given."""

    notices: Sequence[tuple[HopKey, bytes]]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Hops of any topic whose run is past its deadline or is to be cancelled, and that nobody runs.

    Only those on the way forward: compensations are not cut short.
    """


@dataclass(frozen=True, slots=True)
class Fitting:
    """Hops that are held for code that fits one of these interfaces: the claimant's code does."""

    wanted: Collection[tuple[str, str]]


Claim: TypeAlias = Due | Announced | Overdue | Fitting

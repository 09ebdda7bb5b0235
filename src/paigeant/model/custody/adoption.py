"""Adoption: a run that began unsigned is vouched for as it lies, and is signed from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.records import SignedRecord
from paigeant.model.message import HopKey, PaigeantMessage


class Vouched(NamedTuple):
    """What is vouched for: a run as it lies in the store, its messages with their plans, and by which process."""

    evidence: Evidence
    messages: Mapping[HopKey, PaigeantMessage]
    owner: str


class Adoption(NamedTuple):
    """A run as it lay when it was vouched for, and the record that was signed of that.

    ``leased``: hops of it may be leased, to workers that sign. Else somebody might commit to it who does not.
    """

    evidence: Evidence
    record: SignedRecord
    leased: bool = False

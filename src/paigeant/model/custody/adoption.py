"""Adoption: somebody vouches for the present state of an unsigned run, which is signed from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.records import SignedRecord
from paigeant.model.message import HopKey, PaigeantMessage


class Vouched(NamedTuple):
    """Subject of an adoption: a run's state in the store, its messages with their plans, and the vouching process."""

    evidence: Evidence
    messages: Mapping[HopKey, PaigeantMessage]
    owner: str


class Adoption(NamedTuple):
    """State of a run at its adoption, and the signed record of it.

    ``leased``: hops of it may be leased, to workers that sign. Otherwise a worker that does not sign might commit to
    it.
    """

    evidence: Evidence
    record: SignedRecord
    leased: bool = False

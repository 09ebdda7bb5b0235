"""Contract of a store plugin: all contracts of the store over one database and namespace."""

from __future__ import annotations

from paigeant.abc.access_tokens import AccessTokens
from paigeant.abc.calls.approvals import Approvals
from paigeant.abc.calls.budgets import Budgets
from paigeant.abc.calls.checkpoint_store import CheckpointStore
from paigeant.abc.calls.histories import Histories
from paigeant.abc.calls.ledger import Ledger
from paigeant.abc.calls.pauses import Pauses
from paigeant.abc.custody.evidence_reader import EvidenceReader
from paigeant.abc.custody.signing_keys import SigningKeys
from paigeant.abc.dead_letters import DeadLetters
from paigeant.abc.directory import Directory
from paigeant.abc.hop_store import HopStore
from paigeant.abc.operator import Operator
from paigeant.abc.resource import Resource
from paigeant.abc.run_reader import RunReader
from paigeant.abc.secrecy.grants import Grants
from paigeant.abc.value_store import ValueStore


class Store(
    HopStore,
    ValueStore,
    CheckpointStore,
    Ledger,
    Approvals,
    Pauses,
    Budgets,
    Histories,
    Operator,
    Directory,
    DeadLetters,
    AccessTokens,
    Grants,
    SigningKeys,
    EvidenceReader,
    RunReader,
    Resource,
):
    """The union of the contracts of a store, each described in the file of its name.

    A store belongs to one namespace; runs of other namespaces are invisible to it.
    """

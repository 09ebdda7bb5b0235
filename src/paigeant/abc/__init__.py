"""Contracts of the backends. A backend can be written from these files alone; ``paigeant.testing`` has the suites.

Every method is safe to repeat: the answer of a call may be lost, and the caller then calls again. All times are read
from the store's clock. Methods may be called concurrently from one event loop. A backend that cannot be reached raises
:class:`~paigeant.errors.Unavailable` within 30 seconds, and can be called again later.
"""

from typing import TYPE_CHECKING

from paigeant.on_demand import on_demand

if TYPE_CHECKING:
    from paigeant.abc.access_tokens import AccessTokens
    from paigeant.abc.calls.approvals import Approvals
    from paigeant.abc.calls.budgets import Budgets
    from paigeant.abc.calls.checkpoint_store import CheckpointStore
    from paigeant.abc.calls.histories import Histories
    from paigeant.abc.calls.history_access import HistoryAccess
    from paigeant.abc.calls.ledger import Ledger
    from paigeant.abc.calls.model_gate import ModelGate
    from paigeant.abc.calls.pauses import Pauses
    from paigeant.abc.calls.plan_access import PlanAccess
    from paigeant.abc.calls.step_session import Call, StepSession
    from paigeant.abc.codec import Codec, Departure, DispatchTerms, Opened, SealedHop
    from paigeant.abc.custody.branch_judge import BranchJudge
    from paigeant.abc.custody.evidence_reader import EvidenceReader
    from paigeant.abc.custody.judge import Judge
    from paigeant.abc.custody.note_judge import NoteJudge
    from paigeant.abc.custody.signer import Signer
    from paigeant.abc.custody.signing_keys import SigningKeys
    from paigeant.abc.dead_letters import DeadLetters
    from paigeant.abc.directory import Directory, Published
    from paigeant.abc.hooks import DispatchSpan, Hooks, Reporter, StepSpan
    from paigeant.abc.hop_store import Heart, HopStore
    from paigeant.abc.operator import Operator
    from paigeant.abc.resource import Resource
    from paigeant.abc.run_reader import RunReader
    from paigeant.abc.schema import Schema
    from paigeant.abc.secrecy.grants import Grants
    from paigeant.abc.secrecy.identities import Admitted, Identities, IdentityAccess
    from paigeant.abc.secrecy.secrets import SecretBox
    from paigeant.abc.store import Store
    from paigeant.abc.transport import Delivery, Transport
    from paigeant.abc.value_store import ValueStore
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "paigeant.abc.access_tokens": "AccessTokens",
            "paigeant.abc.calls.approvals": "Approvals",
            "paigeant.abc.calls.budgets": "Budgets",
            "paigeant.abc.calls.checkpoint_store": "CheckpointStore",
            "paigeant.abc.calls.histories": "Histories",
            "paigeant.abc.calls.history_access": "HistoryAccess",
            "paigeant.abc.calls.ledger": "Ledger",
            "paigeant.abc.calls.model_gate": "ModelGate",
            "paigeant.abc.calls.pauses": "Pauses",
            "paigeant.abc.calls.plan_access": "PlanAccess",
            "paigeant.abc.calls.step_session": "Call StepSession",
            "paigeant.abc.codec": "Codec Departure DispatchTerms Opened SealedHop",
            "paigeant.abc.custody.branch_judge": "BranchJudge",
            "paigeant.abc.custody.evidence_reader": "EvidenceReader",
            "paigeant.abc.custody.judge": "Judge",
            "paigeant.abc.custody.note_judge": "NoteJudge",
            "paigeant.abc.custody.signer": "Signer",
            "paigeant.abc.custody.signing_keys": "SigningKeys",
            "paigeant.abc.dead_letters": "DeadLetters",
            "paigeant.abc.directory": "Directory Published",
            "paigeant.abc.hooks": "DispatchSpan Hooks Reporter StepSpan",
            "paigeant.abc.hop_store": "Heart HopStore",
            "paigeant.abc.operator": "Operator",
            "paigeant.abc.resource": "Resource",
            "paigeant.abc.run_reader": "RunReader",
            "paigeant.abc.schema": "Schema",
            "paigeant.abc.secrecy.grants": "Grants",
            "paigeant.abc.secrecy.identities": "Admitted Identities IdentityAccess",
            "paigeant.abc.secrecy.secrets": "SecretBox",
            "paigeant.abc.store": "Store",
            "paigeant.abc.transport": "Delivery Transport",
            "paigeant.abc.value_store": "ValueStore",
        },
    )

__all__ = [
    "AccessTokens",
    "Admitted",
    "Approvals",
    "BranchJudge",
    "Budgets",
    "Call",
    "CheckpointStore",
    "Codec",
    "DeadLetters",
    "Delivery",
    "Departure",
    "Directory",
    "DispatchSpan",
    "DispatchTerms",
    "EvidenceReader",
    "Grants",
    "Heart",
    "Histories",
    "HistoryAccess",
    "Hooks",
    "HopStore",
    "Identities",
    "IdentityAccess",
    "Judge",
    "Ledger",
    "ModelGate",
    "NoteJudge",
    "Opened",
    "Operator",
    "Pauses",
    "PlanAccess",
    "Published",
    "Reporter",
    "Resource",
    "RunReader",
    "Schema",
    "SealedHop",
    "SecretBox",
    "Signer",
    "SigningKeys",
    "StepSession",
    "StepSpan",
    "Store",
    "Transport",
    "ValueStore",
]

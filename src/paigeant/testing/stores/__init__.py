"""Contract suite of stores."""

from paigeant.testing.stores.access.grants import GrantGuarantees
from paigeant.testing.stores.access.keys import KeyGuarantees
from paigeant.testing.stores.access.tokens import TokenGuarantees
from paigeant.testing.stores.backend import Connect, StoreBackend
from paigeant.testing.stores.calls.approvals import ApprovalGuarantees
from paigeant.testing.stores.calls.budgets import BudgetGuarantees
from paigeant.testing.stores.calls.checkpoints import CheckpointGuarantees
from paigeant.testing.stores.calls.costs import CostGuarantees
from paigeant.testing.stores.calls.histories import HistoryGuarantees
from paigeant.testing.stores.calls.pauses import PauseGuarantees
from paigeant.testing.stores.calls.variables import SavedVariableGuarantees
from paigeant.testing.stores.custody import CustodyGuarantees
from paigeant.testing.stores.directory import DirectoryGuarantees
from paigeant.testing.stores.forks import ForkGuarantees
from paigeant.testing.stores.hops.branches import BranchGuarantees
from paigeant.testing.stores.hops.closing import ClosingGuarantees
from paigeant.testing.stores.hops.commits import CommitGuarantees
from paigeant.testing.stores.hops.handover import HandOverGuarantees
from paigeant.testing.stores.hops.leases import LeaseGuarantees
from paigeant.testing.stores.hops.misfits import MisfitGuarantees
from paigeant.testing.stores.hops.nodes import NodeGuarantees
from paigeant.testing.stores.hops.passing import PassingGuarantees
from paigeant.testing.stores.hops.races import RaceGuarantees
from paigeant.testing.stores.hops.starts import StartGuarantees
from paigeant.testing.stores.hops.suspects import SuspectGuarantees
from paigeant.testing.stores.hops.undoing import UndoingGuarantees
from paigeant.testing.stores.letters import LetterGuarantees
from paigeant.testing.stores.operator import OperatorGuarantees
from paigeant.testing.stores.overview import OverviewGuarantees
from paigeant.testing.stores.plans import PlanGuarantees
from paigeant.testing.stores.progress import ProgressGuarantees
from paigeant.testing.stores.reader import ReaderGuarantees
from paigeant.testing.stores.retention import RetentionGuarantees
from paigeant.testing.stores.signals import SignalGuarantees
from paigeant.testing.stores.tree.children import ChildGuarantees
from paigeant.testing.stores.waiting import WaitingGuarantees


class StoreContract(
    StartGuarantees,
    LeaseGuarantees,
    SuspectGuarantees,
    ProgressGuarantees,
    MisfitGuarantees,
    CommitGuarantees,
    HandOverGuarantees,
    PassingGuarantees,
    UndoingGuarantees,
    BranchGuarantees,
    ClosingGuarantees,
    ForkGuarantees,
    OperatorGuarantees,
    SignalGuarantees,
    NodeGuarantees,
    ChildGuarantees,
    RetentionGuarantees,
    PlanGuarantees,
    LetterGuarantees,
    TokenGuarantees,
    GrantGuarantees,
    KeyGuarantees,
    DirectoryGuarantees,
    ReaderGuarantees,
    OverviewGuarantees,
    CheckpointGuarantees,
    HistoryGuarantees,
    SavedVariableGuarantees,
    CostGuarantees,
    ApprovalGuarantees,
    PauseGuarantees,
    BudgetGuarantees,
    CustodyGuarantees,
    WaitingGuarantees,
    RaceGuarantees,
):
    """Every guarantee of :class:`paigeant.abc.Store`, as a test. Subclass it and override ``backend``.

    ::

        class TestMyStore(StoreContract):
            @asynccontextmanager
            async def backend(self, folder):
                yield lambda namespace: MyStore(f"my://{folder}", namespace=namespace)

    It needs pytest-asyncio with ``asyncio_mode = "auto"``.
    """


__all__ = ["Connect", "StoreBackend", "StoreContract"]

"""Contract of the verification of branches, joins and child runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from paigeant.model.custody.records import StoredRecord
from paigeant.model.fan.joins import EndedBranch, JoinStart
from paigeant.model.hops import Leased
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.tree.children import ChildState
from paigeant.model.values.values import Value


class BranchJudge:
    """Verifies branches and child runs that have ended, before their node is left. By default nothing is verified."""

    def knows_join(self, leased: Leased) -> bool:
        """True if the join of a node can be verified without the records of its run."""
        del leased
        return True

    def judge_join(self, leased: Leased, records: Sequence[StoredRecord], start: JoinStart) -> None:
        """Verify that the join of a node, which is about to begin more branches, began with the signed values.

        Raises TamperedMessage and UnknownKey.
        """
        del leased, records, start

    def judge_branches(self, leased: Leased, records: Sequence[StoredRecord], ended: Sequence[EndedBranch]) -> None:
        """Verify that the branches of a node that is about to be left ended with their signed results.

        ``records`` are those of the run. Raises TamperedMessage and UnknownKey. The next signed record of the node
        contains the newest record of each branch.
        """
        del leased, records, ended

    def wanted_plans(self, leased: Leased) -> Collection[HopKey]:
        """Return the hops whose messages are needed to verify changes of plans; mostly none."""
        del leased
        return ()

    def judge_plans(self, leased: Leased, messages: Mapping[HopKey, PaigeantMessage]) -> None:
        """Verify that branches began as their nodes' plans say, and that revisions are within the policy.

        The policy is the one that the run was dispatched with. A message counts only if its plan is the signed one.
        Raises TamperedMessage.
        """
        del leased, messages

    def judge_published(
        self, leased: Leased, paths: Sequence[str], values: Mapping[str, Value], own: Collection[str]
    ) -> None:
        """Verify that the variables set by verified branches are those that were signed on these paths.

        The variables in ``own`` are set by the node itself. Raises TamperedMessage.
        """
        del leased, paths, values, own

    def judge_child(
        self, node: HopKey, child: ChildState, records: Sequence[StoredRecord], deeds: Sequence[StoredDeed]
    ) -> None:
        """Verify that the ended child of a node was begun there, and ended with its signed result.

        ``records`` are those of the child, ``deeds`` those of people to it and to the runs that contain it. Raises
        TamperedMessage and UnknownKey.
        """
        del node, child, records, deeds

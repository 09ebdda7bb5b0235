"""The contract of the judge of what is within a run: branches, joins and child runs."""

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
    """Judges what began within a run, and has ended, before its node is left. By default nothing is."""

    def knows_join(self, leased: Leased) -> bool:
        """Tell whether the join of a node can be judged without the records of its run."""
        del leased
        return True

    def judge_join(self, leased: Leased, records: Sequence[StoredRecord], start: JoinStart) -> None:
        """Return if the join of a node, which is to have more branches begin, has begun with what was signed.

        Raises TamperedMessage and UnknownKey.
        """
        del leased, records, start

    def judge_branches(self, leased: Leased, records: Sequence[StoredRecord], ended: Sequence[EndedBranch]) -> None:
        """Return if the branches of a node that is about to be left have come to what was signed of them.

        ``records`` are those of the run. Raises TamperedMessage and UnknownKey. What is signed of the node from now on
        has the newest record of each branch in it.
        """
        del leased, records, ended

    def wanted_plans(self, leased: Leased) -> Collection[HopKey]:
        """Return of which hops the messages are needed to tell whether plans have changed as they may; mostly none."""
        del leased
        return ()

    def judge_plans(self, leased: Leased, messages: Mapping[HopKey, PaigeantMessage]) -> None:
        """Return if branches have begun what their nodes have for them, and revisions are within the policy.

        That is the one which the run was dispatched with. A message counts if its plan is the one that was signed.
        Raises TamperedMessage.
        """
        del leased, messages

    def judge_published(
        self, leased: Leased, paths: Sequence[str], values: Mapping[str, Value], own: Collection[str]
    ) -> None:
        """Return if variables that branches, which are judged, have set are those that were signed on these paths.

        Those of its ``own`` the node sets. Raises TamperedMessage.
        """
        del leased, paths, values, own

    def judge_child(
        self, node: HopKey, child: ChildState, records: Sequence[StoredRecord], deeds: Sequence[StoredDeed]
    ) -> None:
        """Return if the child of a node, which has ended, was begun there and has come to what was signed of it.

        ``records`` are those of the child, ``deeds`` what people did to it, and to the runs within which it ran. Raises
        TamperedMessage and UnknownKey.
        """
        del node, child, records, deeds

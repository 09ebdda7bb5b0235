"""The contract of the judge: whether a hop, and what it reads, is what was signed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from paigeant.model.custody.keys import PublishedKey
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.fan.joins import EndedBranch, JoinStart
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import HopKey
from paigeant.model.people.approvals import Answered
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.stored.dead_letters import Flaw
from paigeant.model.tree.children import ChildState
from paigeant.model.values.values import Value


class Judge:
    """Judges what was signed: a leased hop, what it reads, and what has ended within it. By default nothing is."""

    def strangers(self, signatures: Iterable[bytes]) -> Sequence[str]:
        """Return the ids of keys that have signed this and are not known, but for those returned a moment ago."""
        del signatures
        return ()

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Know keys from now on, as far as they prove themselves: where they were found is not believed."""
        del keys

    def learn_deeds(self, leased: Leased, deeds: Sequence[StoredDeed]) -> None:
        """Verify what people did to a run, before a hop is judged again; what nobody has signed counts for nothing.

        Raises :class:`~paigeant.errors.UnknownKey`.
        """
        del leased, deeds

    def learn_parents(self, grant: Grant, records: Mapping[UUID, Sequence[StoredRecord]]) -> None:
        """Verify the ``records`` of the runs in which one has begun, by their ids, before it is judged again.

        It is asked of a hop that is said to end because they do. Raises TamperedMessage and UnknownKey.
        """
        del grant, records

    def judge_end(self, grant: Grant, records: Sequence[StoredRecord], deeds: Sequence[StoredDeed]) -> None:
        """Return if a run may be ended whose message cannot be judged: somebody has signed that, or its deadline.

        Raises TamperedMessage and UnknownKey.
        """
        del grant, records, deeds

    def needs_records(self, leased: Leased) -> bool:
        """Tell whether the records of the run have to be read before this hop can be judged."""
        del leased
        return False

    def judge(self, leased: Leased, records: Sequence[StoredRecord] = ()) -> None:
        """Return if a leased hop is what was signed, back to its run's dispatch; ``records`` are those of its run.

        Raises :class:`~paigeant.errors.TamperedMessage`, whose text names the link that is broken, and
        :class:`~paigeant.errors.UnknownKey`. With UnsignedDeed or ExpiredRun it is to be asked again once it knows the
        deeds of the run.
        """
        del leased, records

    def judge_variables(self, leased: Leased, values: Mapping[str, Value], asked: Collection[str] | None = ()) -> None:
        """Return if variables that a judged hop reads are those that were signed; raises TamperedMessage if not.

        Also for one that was signed and is missing among the ``values``: of those ``asked`` for, or of all.
        """
        del leased, values, asked

    def knows_join(self, leased: Leased) -> bool:
        """Tell whether the join of a node can be judged without the records of its run."""
        del leased
        return True

    def judge_join(self, leased: Leased, records: Sequence[StoredRecord], start: JoinStart) -> None:
        """Return if the join of a node, which is to have more branches begin, has begun with what was signed.

        Raises TamperedMessage and UnknownKey.
        """
        del leased, records, start

    def judge_signal(self, leased: Leased, name: str, value: Value | None) -> None:
        """Return if a wait was ended by a signal that somebody has sent, and that carries this value.

        Raises UnsignedDeed if not. Then it is to be asked again once it knows the deeds of the run.
        """
        del leased, name, value

    def judge_answers(self, leased: Leased, answers: Mapping[str, Answered]) -> None:
        """Return if people have said to the questions of a judged hop what is there; raises UnsignedDeed if not.

        Then it is to be asked again once it knows the deeds of the run.
        """
        del leased, answers

    def judge_branches(self, leased: Leased, records: Sequence[StoredRecord], ended: Sequence[EndedBranch]) -> None:
        """Return if the branches of a node that is about to be left have come to what was signed of them.

        ``records`` are those of the run. Raises TamperedMessage and UnknownKey. What is signed of the node from now on
        has the newest record of each branch in it.
        """
        del leased, records, ended

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

    def find_flaw(self, body: bytes) -> tuple[Flaw, str] | None:
        """Return what is wrong with the signature of a message that opens, and why; None if nothing is.

        It is asked of a delivery that the store has not recorded: what has recorded bytes is leased, and judged.
        """
        del body

    def keep(self, leased: Leased, record: SignedRecord | None, *, ended: bool) -> None:
        """Remember the record of a hop that was committed here, so that it need not be verified; ``ended``: forget."""
        del leased, record, ended

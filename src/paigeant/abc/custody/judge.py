"""The contract of the judge: whether a hop, and what it reads, is what was signed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from paigeant.abc.custody.branch_judge import BranchJudge
from paigeant.abc.custody.signer_directory import SignerDirectory
from paigeant.model.custody.notes import Note
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.hops import Grant, Leased
from paigeant.model.people.approvals import Answered
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.stored.dead_letters import Flaw
from paigeant.model.values.values import Value


class Judge(SignerDirectory, BranchJudge):
    """Judges what was signed: a leased hop, what it reads, and what has ended within it. By default nothing is."""

    def learn_deeds(self, leased: Leased, deeds: Sequence[StoredDeed]) -> None:
        """Verify what people did to a run, before a hop is judged again; what nobody has signed counts for nothing.

        Raises :class:`~paigeant.errors.UnknownKey`.
        """
        del leased, deeds

    def learn_parents(self, leased: Leased, records: Mapping[UUID, Sequence[StoredRecord]]) -> None:
        """Verify the ``records`` of the runs in which one has begun, by their ids, before it is judged again.

        It is asked of a hop that is said to end because they do. Raises TamperedMessage and UnknownKey.
        """
        del leased, records

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

    def judge_note(self, leased: Leased, note: Note, signed: tuple[bytes | None, datetime]) -> None:
        """Return if this is what was signed of what a step has left while it ran, and by whom who may.

        ``signed`` is the signature, and when it was stored, by the store's clock. Raises TamperedMessage and
        UnknownKey.
        """
        del leased, note, signed

    def judge_publication(self, one: Plan | ActivityCard) -> None:
        """Return if somebody has signed what was published who may; raises TamperedMessage and UnknownKey."""
        del one

    def find_flaw(self, body: bytes) -> tuple[Flaw, str] | None:
        """Return what is wrong with the signature of a message that opens, and why; None if nothing is.

        It is asked of a delivery that the store has not recorded: what has recorded bytes is leased, and judged.
        """
        del body

    def keep(self, leased: Leased, record: SignedRecord | None, *, ended: bool) -> None:
        """Remember the record of a hop that was committed here, so that it need not be verified; ``ended``: forget."""
        del leased, record, ended

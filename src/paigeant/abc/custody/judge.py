"""Contract of the judge: verification of a hop, and of everything it reads, against signatures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from paigeant.abc.custody.branch_judge import BranchJudge
from paigeant.abc.custody.note_judge import NoteJudge
from paigeant.abc.custody.signer_directory import SignerDirectory
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.hops import Grant, Leased
from paigeant.model.people.approvals import Answered
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.stored.dead_letters import Flaw
from paigeant.model.values.values import Value


class Judge(SignerDirectory, BranchJudge, NoteJudge):
    """Verifies signatures: of a leased hop, of the data it reads, and of branches. By default nothing is verified."""

    def learn_deeds(self, leased: Leased, deeds: Sequence[StoredDeed]) -> None:
        """Verify the deeds of people to a run, before a hop is verified again; an unsigned deed counts for nothing.

        Raises :class:`~paigeant.errors.UnknownKey`.
        """
        del leased, deeds

    def learn_parents(self, leased: Leased, records: Mapping[UUID, Sequence[StoredRecord]]) -> None:
        """Verify the ``records`` of the runs that contain a child run, by run id, before the child is verified again.

        Called for a hop that is said to end because those runs end. Raises TamperedMessage and UnknownKey.
        """
        del leased, records

    def judge_end(self, grant: Grant, records: Sequence[StoredRecord], deeds: Sequence[StoredDeed]) -> None:
        """Return if a run whose message cannot be verified may be ended: by a signed deed, or by its deadline.

        Raises TamperedMessage and UnknownKey.
        """
        del grant, records, deeds

    def needs_records(self, leased: Leased) -> bool:
        """True if the records of the run must be loaded before this hop can be verified."""
        del leased
        return False

    def judge(self, leased: Leased, records: Sequence[StoredRecord] = ()) -> None:
        """Verify a leased hop back to its run's dispatch; ``records`` are those of its run.

        Raises :class:`~paigeant.errors.TamperedMessage`, whose text names the broken link, and
        :class:`~paigeant.errors.UnknownKey`. After UnsignedDeed or ExpiredRun the caller loads the deeds of the run and
        calls again.
        """
        del leased, records

    def judge_variables(self, leased: Leased, values: Mapping[str, Value], asked: Collection[str] | None = ()) -> None:
        """Verify that the variables a verified hop reads are the signed ones; raises TamperedMessage if not.

        It raises also for a signed variable that is missing in ``values``: among those ``asked`` for, or among all.
        """
        del leased, values, asked

    def judge_signal(self, leased: Leased, name: str, value: Value | None) -> None:
        """Verify that a wait was ended by a signal that somebody sent, with this value.

        Raises UnsignedDeed if not. Then the caller loads the deeds of the run and calls again.
        """
        del leased, name, value

    def judge_answers(self, leased: Leased, answers: Mapping[str, Answered]) -> None:
        """Verify that people gave these answers to the questions of a verified hop; raises UnsignedDeed if not.

        Then the caller loads the deeds of the run and calls again.
        """
        del leased, answers

    def judge_publication(self, one: Plan | ActivityCard) -> None:
        """Verify that a plan or card was signed by a permitted signer; raises TamperedMessage and UnknownKey."""
        del one

    def find_flaw(self, body: bytes) -> tuple[Flaw, str] | None:
        """Return the kind and the text of a fault in a message's signature; None if there is none.

        Called for a delivery that the store has not recorded: a recorded one is leased and verified by :meth:`judge`.
        """
        del body

    def keep(self, leased: Leased, record: SignedRecord | None, *, ended: bool) -> None:
        """Cache the record of a hop that was committed here, so that it need not be verified; ``ended`` drops it."""
        del leased, record, ended

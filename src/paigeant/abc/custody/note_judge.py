"""The contract of the judge of what steps leave beside their outcome: recorded calls, progress, and histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paigeant.model.custody.notes import StoredNote
from paigeant.model.custody.records import StoredRecord
from paigeant.model.hops import Leased


class NoteJudge:
    """Judges what a step has left while it ran, and what its agent was told. By default nothing is."""

    def judge_note(self, leased: Leased, stored: StoredNote) -> None:
        """Return if this is what was signed of what a step has left while it ran, and by whom who may.

        Raises :class:`~paigeant.errors.TamperedMessage` and :class:`~paigeant.errors.UnknownKey`.
        """
        del leased, stored

    def judge_kept(self, leased: Leased, notes: Sequence[StoredNote]) -> None:
        """Return if of what a step had recorded when it was last left nothing is missing, changed or added.

        ``notes`` are all that it has recorded. Raises TamperedMessage.
        """
        del leased, notes

    def judge_histories(
        self,
        leased: Leased,
        records: Sequence[StoredRecord],
        found: Mapping[tuple[str, int], str | None],
        *,
        whole: bool,
    ) -> None:
        """Return if what agents have left of their conversations is what was signed with their steps.

        ``records`` are those of the run, ``found`` the digests by place, None for one that was not read; ``whole``: the
        run has no others. Raises TamperedMessage and UnknownKey.
        """
        del leased, records, found, whole

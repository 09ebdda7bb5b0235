"""Contract of grants: sealed identities of runs, readable only under a lease."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from paigeant.model.hops import LeaseToken
from paigeant.model.people.deeds import Deed
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant


class Grants(ABC):
    """Stores at most one grant for each dispatched run: written in the transaction of its dispatch, until the run ends.

    The runs within it use it too.
    """

    @abstractmethod
    async def load_grant(self, held: LeaseToken, owner: str, run: UUID) -> GrantAnswer:
        """Return the grant of ``run``, which is or contains that of a leased hop, in one statement.

        It compares fence and owner: ``alive`` is False, and no grant is returned, unless ``owner`` holds this very
        lease and the hop's run has not ended.
        """

    @abstractmethod
    async def renew_grant(self, workflow_id: UUID, grant: SealedGrant, *, deed: Deed | None = None) -> int:
        """Replace the grant of a run, if any, and make the hops due that wait for it; returns their number.

        Those in runs within it are made due by a second transaction; a repeat after an error does that too. A hop that
        is about to begin waiting does not miss it. A ``deed`` is written in the same transaction. Raises
        ``UnknownRun``, and ``WrongState`` for a run that has ended.
        """

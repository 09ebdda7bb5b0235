"""Contract of grants: sealed identities of runs, readable only under a lease."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from paigeant.model.hops import LeaseToken
from paigeant.model.people.deeds import Deed
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant


class Grants(ABC):
    """Stores at most one grant for each run: written in the transaction of its dispatch, kept until the run ends."""

    @abstractmethod
    async def load_grant(self, held: LeaseToken, owner: str) -> GrantAnswer:
        """Return the grant of a leased hop's run, in one statement that compares fence and owner.

        ``alive`` is False, and no grant is returned, unless ``owner`` holds this very lease and the run has not ended.
        """

    @abstractmethod
    async def renew_grant(self, workflow_id: UUID, grant: SealedGrant, *, deed: Deed | None = None) -> int:
        """Replace the grant of a run, if any, and make the hops due that wait for it; returns their number.

        A hop that is about to begin waiting does not miss it. A ``deed`` is written in the same transaction. Raises
        ``UnknownRun``, and ``WrongState`` for a run that has ended.
        """

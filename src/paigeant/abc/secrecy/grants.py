"""The contract of grants: sealed identities of runs, for those who hold a lease."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from paigeant.model.hops import LeaseToken
from paigeant.model.people.deeds import Deed
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant


class Grants(ABC):
    """Keeps at most one grant a run, from its dispatch, in whose transaction it is written, until the run ends."""

    @abstractmethod
    async def load_grant(self, held: LeaseToken, owner: str) -> GrantAnswer:
        """Return the grant of a leased hop's run, in one statement that compares fence and owner.

        ``alive`` is False, and no grant is returned, unless ``owner`` holds this very lease and the run is open.
        """

    @abstractmethod
    async def renew_grant(self, workflow_id: UUID, grant: SealedGrant, *, deed: Deed | None = None) -> int:
        """Put a grant in the place of the one before, if any, and make due what waits for it; returns how much.

        A hop that is about to wait for it does not miss it. A ``deed`` is written in the same transaction. Raises
        ``UnknownRun``, and ``WrongState`` for a run that has ended.
        """

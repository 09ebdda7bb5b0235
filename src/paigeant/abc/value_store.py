"""The contract of values: variables, the texts behind claim checks, and what branches came to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from uuid import UUID

from paigeant.model.fan.joins import EndedBranch, JoinState
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import Deed
from paigeant.model.tree.children import Family
from paigeant.model.values.values import Blob, Value


class ValueStore(ABC):
    """Keeps what steps read and people set. What a commit writes is visible here as soon as it is committed."""

    @abstractmethod
    async def save_variable(
        self, workflow_id: UUID, name: str, value: Value, blob: Blob | None = None, *, deed: Deed | None = None
    ) -> None:
        """Set a variable of the trunk, with the ``blob`` that its value refers to; a repeat changes nothing.

        It is set as if the hop before the newest had set it last: all steps that are still to come see it, unless one
        of them sets it again. What the newest has set under this name before, as one that failed may have, or a signal
        that it has met, is written over. The ``deed``, which says who does it, is written with it. Raises
        ``UnknownRun``, and ``WrongState`` for a run that is over and cannot be resumed.
        """

    @abstractmethod
    async def load_variables(
        self, workflow_id: UUID, names: Collection[str] | None = None, *, path: str = ""
    ) -> dict[str, Value]:
        """Return the variables of these names, or all: steps' outputs and what was set, not the input's fields.

        They are those that are seen on ``path``: what was set on it, or on a path that it left; the nearest path wins,
        and on each the highest position. What was set on another branch is not seen. What was never set is left out; of
        an unknown run there is nothing.
        """

    async def load_variable(self, workflow_id: UUID, name: str, *, path: str = "") -> Value | None:
        """Return one variable as it is seen on ``path``, None if it was never set."""
        return (await self.load_variables(workflow_id, [name], path=path)).get(name)

    @abstractmethod
    async def load_values(self, workflow_id: UUID, digests: Collection[str]) -> Mapping[str, bytes]:
        """Return the JSON texts behind these SHA-256 digests, as far as they are there."""

    @abstractmethod
    async def load_plan(self, digest: str) -> bytes | None:
        """Return the bytes kept under this digest of a plan by any run of the namespace, None if there are none.

        They are returned as they lie there: whether they have this SHA-256 is for the caller to see.
        """

    @abstractmethod
    async def load_join(self, node: HopKey) -> JoinState | None:
        """Return how far the join of a node has come, None if it has not begun."""

    @abstractmethod
    async def load_branches(self, node: HopKey, *, after: int = -1, limit: int = 1_000) -> list[EndedBranch]:
        """Return branches of a node that have ended, by number: up to ``limit`` of those whose number is higher."""

    @abstractmethod
    async def load_undoable(self, node: HopKey, back: HopKey, *, limit: int = 1_000) -> list[EndedBranch]:
        """Return branches of a node that completed and of which something can be undone, by number.

        Up to ``limit`` of those that the node ``back``, which undoes this one, has not begun with yet.
        """

    @abstractmethod
    async def load_branch_variables(
        self, workflow_id: UUID, paths: Collection[str]
    ) -> Mapping[str, Mapping[str, Value]]:
        """Return, by path, the newest variables that were set on these paths themselves, outputs included."""

    @abstractmethod
    async def load_family(self, node: HopKey) -> Family:
        """Return the tenant of a node's run, and the newest run that the node has begun; nothing of unknown runs."""

"""Contract of values: variables, texts behind claim checks, plans, and results of branches."""

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
    """Stores variables and values. A commit's variables are visible here as soon as it is committed."""

    @abstractmethod
    async def save_variable(
        self, workflow_id: UUID, name: str, value: Value, blob: Blob | None = None, *, deed: Deed | None = None
    ) -> None:
        """Set a variable of the trunk, with the ``blob`` that its value refers to; a repeat changes nothing.

        It is set as if the hop before the newest had set it last: all steps still to come see it, unless one of them
        sets it again. A value that the newest hop has set under this name already (by a failed attempt, or by a signal
        it met) is overwritten. The ``deed`` records who does it, and is written in the same transaction. Raises
        ``UnknownRun``, and ``WrongState`` for a run that has ended and cannot be resumed.
        """

    @abstractmethod
    async def load_variables(
        self, workflow_id: UUID, names: Collection[str] | None = None, *, path: str = ""
    ) -> dict[str, Value]:
        """Return the variables of these names, or all: outputs of steps and set variables, not the input's fields.

        The result is what is visible on ``path``: variables set on it or on a path that it branched from. The nearest
        path wins, and on each path the highest position. Variables of other branches are not visible. Names that were
        never set are left out; an unknown run has no variables.
        """

    async def load_variable(self, workflow_id: UUID, name: str, *, path: str = "") -> Value | None:
        """Return one variable as it is visible on ``path``, None if it was never set."""
        return (await self.load_variables(workflow_id, [name], path=path)).get(name)

    @abstractmethod
    async def load_values(self, workflow_id: UUID, digests: Collection[str]) -> Mapping[str, bytes]:
        """Return the JSON texts with these SHA-256 digests; missing ones are left out."""

    @abstractmethod
    async def load_plan(self, digest: str) -> bytes | None:
        """Return the plan that a run of this namespace stored under this digest, as bytes; None if there is none.

        The bytes are returned as stored: the caller verifies their SHA-256.
        """

    @abstractmethod
    async def load_join(self, node: HopKey) -> JoinState | None:
        """Return the state of a node's join, None if it has not begun."""

    @abstractmethod
    async def load_branches(self, node: HopKey, *, after: int = -1, limit: int = 1_000) -> list[EndedBranch]:
        """Return ended branches of a node, by number: up to ``limit`` with a number above ``after``."""

    @abstractmethod
    async def load_undoable(self, node: HopKey, back: HopKey, *, limit: int = 1_000) -> list[EndedBranch]:
        """Return completed branches of a node that have something to undo, by number.

        Up to ``limit`` of those that the node ``back``, which undoes this node, has not begun to undo yet.
        """

    @abstractmethod
    async def load_branch_variables(
        self, workflow_id: UUID, paths: Collection[str]
    ) -> Mapping[str, Mapping[str, Value]]:
        """Return, by path, the newest variables that were set on these very paths, including outputs."""

    @abstractmethod
    async def load_family(self, node: HopKey) -> Family:
        """Return the tenant of a node's run and the newest child run of the node; empty for an unknown run."""

"""Variables, large values, and branches: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from paigeant.abc import ValueStore
from paigeant.aio.batch import Batcher
from paigeant.model.fan.joins import EndedBranch, JoinState
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import Deed
from paigeant.model.tree.children import Family
from paigeant.model.values.values import Blob, Value
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.statements.commits import plans
from paigeant.sql.statements.commits.join_rows import load_states
from paigeant.sql.statements.commits.tree import children
from paigeant.sql.statements.custody.deeds import keep_deeds
from paigeant.sql.statements.values import branches, variables


class SqlValues(InDatabase, ValueStore):
    """Contract methods over a database."""

    def __init__(self) -> None:
        """Load variables in batches."""
        self._wanted = Batcher(self._load_wanted)

    async def close_values(self) -> None:
        """Answer pending questions, and accept no more."""
        await self._wanted.close()

    async def save_variable(
        self, workflow_id: UUID, name: str, value: Value, blob: Blob | None = None, *, deed: Deed | None = None
    ) -> None:
        def work(tx: Tx) -> None:
            variables.save_variable(tx, workflow_id, name, value, blob)
            keep_deeds(tx.later(), deed)

        await self.database.write(work)

    async def load_variables(
        self, workflow_id: UUID, names: Collection[str] | None = None, *, path: str = ""
    ) -> dict[str, Value]:
        if names is None:
            return await self.database.read(lambda tx: variables.load_variables(tx, workflow_id, path))
        return await self._wanted.ask(variables.Wanted(workflow_id, names, path))

    async def _load_wanted(self, questions: Sequence[variables.Wanted]) -> list[dict[str, Value]]:
        return await self.database.read(lambda tx: variables.load_wanted(tx, questions), single=True)

    async def load_join(self, node: HopKey) -> JoinState | None:
        states = await self.database.read(lambda tx: load_states(tx, [node]), single=True)
        return states.get(node)

    async def load_branches(self, node: HopKey, *, after: int = -1, limit: int = 1_000) -> list[EndedBranch]:
        return await self.database.read(
            lambda tx: branches.load_branches(tx, node, after=after, limit=limit), single=True
        )

    async def load_undoable(self, node: HopKey, back: HopKey, *, limit: int = 1_000) -> list[EndedBranch]:
        return await self.database.read(lambda tx: branches.load_undoable(tx, node, back, limit=limit))

    async def load_branch_variables(
        self, workflow_id: UUID, paths: Collection[str]
    ) -> Mapping[str, Mapping[str, Value]]:
        return await self.database.read(lambda tx: branches.load_branch_variables(tx, workflow_id, paths))

    async def load_family(self, node: HopKey) -> Family:
        return await self.database.read(lambda tx: children.load_family(tx, node))

    async def load_values(self, workflow_id: UUID, digests: Collection[str]) -> Mapping[str, bytes]:
        return await self.database.read(lambda tx: variables.load_values(tx, workflow_id, digests), single=True)

    async def load_plan(self, digest: str) -> bytes | None:
        return await self.database.read(lambda tx: plans.load_plan(tx, digest), single=True)

"""SQL store: all contracts of a store over one database."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from paigeant.abc import Store
from paigeant.model.checks.findings import Finding
from paigeant.sql.checks import examine
from paigeant.sql.contracts.access_tokens import SqlAccess
from paigeant.sql.contracts.calls import SqlCalls
from paigeant.sql.contracts.dead_letters import SqlDeadLetters
from paigeant.sql.contracts.directory import SqlDirectory
from paigeant.sql.contracts.evidence import SqlEvidence
from paigeant.sql.contracts.hops import SqlHops
from paigeant.sql.contracts.operator import SqlOperator
from paigeant.sql.contracts.reader import SqlRunReader
from paigeant.sql.contracts.values import SqlValues
from paigeant.sql.execution.database import Database


class SqlStore(
    SqlHops,
    SqlValues,
    SqlCalls,
    SqlOperator,
    SqlDirectory,
    SqlDeadLetters,
    SqlAccess,
    SqlEvidence,
    SqlRunReader,
    Store,
):
    """Keeps everything in one database, for all processes that open it."""

    def __init__(self, database: Database, *, tries_plain: bool = True) -> None:
        """Use this database; each commit is judged before it is written, unless it ``tries_plain`` ones first."""
        self.database = database
        SqlHops.__init__(self, tries_plain=tries_plain)
        SqlValues.__init__(self)
        SqlDirectory.__init__(self)

    async def __aenter__(self) -> Self:
        """Open the database; raises Unavailable and ConfigError."""
        self.database.reporter = self.reporter
        await self.database.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer pending questions, and close the database."""
        await self.close_values()
        await self.database.close()

    async def examine(self) -> Sequence[Finding]:
        """Return the findings about the database."""
        return await examine(self.database)

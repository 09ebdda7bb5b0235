"""What workers ask of PostgreSQL by keys is found by them, whatever the server knows of its tables."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg
import pytest
from sqlalchemy import Table, Update, make_url

from paigeant.model.runs import RunStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.sql.execution.compiled import dialect_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.postgres.database import _SETTINGS
from paigeant.sql.schema.whole import WHOLE
from paigeant.sql.statements import announce, claim, read
from paigeant.sql.statements.at_once import claim as claim_at_once
from paigeant.sql.statements.at_once import commit as commit_at_once
from paigeant.sql.statements.at_once import start as start_at_once
from paigeant.sql.statements.calls import budgets, checkpoints, pauses
from paigeant.sql.statements.commits import asking, histories, join_rows, joins, plans
from paigeant.sql.statements.commits.tree import children, resuming
from paigeant.sql.statements.custody import deeds, evidence, grants
from paigeant.sql.statements.overview import search
from paigeant.sql.statements.values import branches
from tests.conftest import POSTGRES, tell_postgres
from tests.unit.sql.statements.test_plans import OFTEN

NOW = datetime(2026, 1, 1, tzinfo=UTC)

EACH: dict[str, int] = {"workflow_runs": 1, "grants": 1}
"""Rows of each of the other runs; of most tables it has three."""

FILLED = (
    *("workflow_runs", "step_executions", "signals", "heartbeats", "values", "plans", "workflow_variables", "joins"),
    *("branches", "checkpoints", "ledger", "histories", "approvals", "pauses", "budgets", "reservations", "records"),
    *("grants", "deeds"),
)
OF_COLUMNS = {
    "workflow_id": "run",
    "namespace": "'default'",
    "path": "''",
    "position": "n",
    "tenant": "'t'",
    "workflow": "'w'",
    "due_at": "now()",
    "completed_at": "CASE WHEN r % 10 > 0 THEN now() END",
    "error": """CASE WHEN r % 10 = 1 THEN '{"type":"E","message":"m","step":"s' || r || '","path":""}' END""",
    "parent_id": "gen_random_uuid()",
    "parent_path": "''",
    "parent_position": "1",
    "reports_to": "1",
}
OF_TYPES = {
    "UUID": "gen_random_uuid()",
    "TEXT": "'x' || r || '.' || n",
    "BIGINT": "n",
    "INTEGER": "n",
    "BOOLEAN": "false",
    "TIMESTAMP WITH TIME ZONE": "now()",
    "BYTEA": "'x'",
}


class Server(NamedTuple):
    """A database with our tables, and what asks it."""

    name: str

    def ask(self, question: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:
        """Ask over a connection with the settings of ours; whatever the parameters, the plan is the same."""

        async def asked() -> Any:
            url = make_url(POSTGRES).set(drivername="postgresql", database=self.name)
            connection = await asyncpg.connect(url.render_as_string(hide_password=False))
            try:
                for name, value in {**_SETTINGS, "plan_cache_mode": "force_generic_plan"}.items():
                    await connection.execute(f"SET {name} = '{value}'")
                return await question(connection)
            finally:
                await connection.close()

        return asyncio.run(asked())

    def scans(self, statement: Any) -> list[dict[str, Any]]:
        """Return the parts of the plan that read tables or indexes."""
        prepared = statement if isinstance(statement, PreparedStatement) else PreparedStatement(statement)
        names = dict.fromkeys(prepared.statement.compile().params or {})
        sql = prepared.prepared("postgresql", names, lists=isinstance(prepared.statement, Update)).sql
        sql = re.sub(r"\(__\[POSTCOMPILE_\w+\]\)", "('a', 'b')", sql)
        values = ", ".join(["NULL"] * max(int(number) for number in re.findall(r"\$(\d+)", sql)))

        async def explain(connection: asyncpg.Connection) -> Any:
            await connection.execute(f"PREPARE it AS {sql}")
            return await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE it({values})")

        return list(_scans(json.loads(self.ask(explain))[0]["Plan"]))


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Index Name" in node or node["Node Type"] == "Seq Scan":
        yield node
    for part in node.get("Plans", ()):
        yield from _scans(part)


@pytest.fixture(scope="module")
def fresh(postgres_template: str) -> Server:
    """Return a server that knows no statistics: to it all tables and indexes look as cheap to walk through as empty."""
    return Server(postgres_template)


@pytest.fixture(scope="module")
def full(postgres_template: str) -> Iterator[Server]:
    """Return a server that has thousands of other runs, and knows it."""
    name = f"paigeant_plans_{secrets.token_hex(6)}"
    tell_postgres(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")

    async def fill(connection: asyncpg.Connection) -> None:
        for table in FILLED:
            await connection.execute(_filling(WHOLE.tables[table]))
        await connection.execute("ANALYZE")

    try:
        Server(name).ask(fill)
        yield Server(name)
    finally:
        tell_postgres(f"DROP DATABASE {name} WITH (FORCE)")


def _filling(table: Table) -> str:
    """Return what writes rows of many runs to a table."""
    given = [one for one in table.c if one.identity is None and (not one.nullable or one.name in OF_COLUMNS)]
    kinds = {one.name: one.type.compile(dialect=dialect_of("postgresql")) for one in given}
    values = ", ".join(OF_COLUMNS.get(name) or OF_TYPES[kind] for name, kind in kinds.items())
    runs = "SELECT workflow_id AS run, number AS r FROM workflow_runs"
    if table.name == "workflow_runs":
        runs = "SELECT gen_random_uuid() AS run, r FROM generate_series(1, 2000) r"
    names = ", ".join(f'"{name}"' for name in kinds)
    rows = f"({runs}) runs, generate_series(1, {EACH.get(table.name, 3)}) n"
    return f'INSERT INTO "{table.name}" ({names}) SELECT {values} FROM {rows}'


BY_KEY: dict[str, Any] = {
    **{
        name: OFTEN[name]
        for name in (
            *("a start", "a lease", "taking a lease", "saying when a run started", "a beat", "renewing"),
            *("a commit's runs", "a plain commit's runs", "a commit's hops", "a commit repeated", "leaving a hop"),
            *(
                "leaving a hop at once",
                "ending a run at once",
                "keeping a hop",
                "what changes of a run",
                "ending a run",
            ),
            *("undoing", "the node that waits for a child", "making it due", "the newest child of a node"),
            *("whether a child has ended", "the last hop of a child", "what can be undone of a child"),
            *("the children of a run", "open children to end", "open children to go on", "the parent of a run"),
            *("what a step said before", "a run's status", "a run", "a run's steps", "variables", "all variables"),
            *("the place of what a person sets", "whether it was set there", "the status of a run to be changed"),
            *("values", "whether a recording's lease is alive", "checkpoints that were there", "a step's checkpoints"),
            *(
                "a ledger",
                "budgets",
                "what is reserved",
                "which signals a run has",
                "how many signals are kept",
            ),
            *(
                "the waits of a run",
                "a signal for a wait",
                "waits that have just begun",
                "ending a wait",
                "saying what a signal has met",
            ),
            "what is signed of a run",
        )
    },
    "how announced hops stand": announce._ANNOUNCED,
    "announcing a hop": announce._HINT,
    "the message of a hop": read._MESSAGE,
    "locking a run": resuming._LOCK,
    "the hops to be resumed": resuming._HOPS,
    "the tenant of a node": children._TENANT,
    "joins": join_rows.THESE,
    "joins to end": join_rows.UNDER,
    "branches to begin": join_rows.FIRST,
    "branches reopened": join_rows.REOPENED,
    "a branch that ends": join_rows.ARRIVE,
    "branches that never begin": join_rows.NEVER_BEGIN,
    "hops to free": joins._TO_FREE,
    "freeing hops": joins._FREE,
    "hops to end early": joins._TO_END_EARLY,
    "ending hops early": joins._END_EARLY,
    "what a run closes": joins._CLOSING,
    "branches that have ended": branches._ALL,
    "branches to undo": branches._UNDOABLE,
    "a plan": plans._LOAD,
    "plans that are there": plans._HOLD,
    "hops with questions": asking._HOPS,
    "the questions of hops": asking._ASKED,
    "a history": histories._ONE,
    "histories": histories._HEADS,
    "a grant": grants._READ,
    "grants that have come": grants._THESE,
    "what waits for a grant": grants._OF_RUN,
    "what was done to a run": deeds._OF_RUN,
    "a run's evidence": evidence._RUN,
    "an epoch": checkpoints._AFRESH,
    "a pause": pauses._THIS,
    "giving back": budgets._GIVE_BACK,
    "giving back what a lease reserved": budgets._RELEASE,
    "what was charged": budgets._CHARGED,
}
"""What workers ask for each step or group, and people for a run."""

WRITTEN = (
    *("taking a lease", "saying when a run started", "renewing", "leaving a hop", "leaving a hop at once"),
    *("ending a run at once", "keeping a hop", "what changes of a run", "ending a run", "ending a wait"),
    *("making it due", "freeing hops", "ending hops early", "a lease", "a beat", "a commit repeated"),
)


@pytest.mark.parametrize("what", BY_KEY)
@pytest.mark.parametrize("server", ["fresh", "full"])
def test_what_is_asked_for_by_a_key_reads_rows_of_no_other_run(request: pytest.FixtureRequest, server: str, what: str):
    """A table that is taken for empty looks as cheap to walk through as to search, and then has a million rows."""
    scans = request.getfixturevalue(server).scans(BY_KEY[what])

    assert scans
    assert [scan for scan in scans if not keys_searched(scan)] == []


def keys_searched(scan: dict[str, Any]) -> set[str]:
    """Return the columns whose values an index is searched for; a namespace alone is the key of nothing."""
    return set(re.findall(r'"?(\w+)"? = ', scan.get("Index Cond", ""))) - {"namespace"}


@pytest.mark.parametrize("what", WRITTEN)
@pytest.mark.parametrize("server", ["fresh", "full"])
def test_a_hop_that_is_written_is_found_by_its_whole_key(request: pytest.FixtureRequest, server: str, what: str):
    """A run may have thousands of open hops: what is open of it is not looked through either."""
    scans = request.getfixturevalue(server).scans(BY_KEY[what])

    assert {scan.get("Index Name") for scan in scans} <= {"step_executions_pkey", "workflow_runs_workflow_id_key"}


QUEUES: dict[str, tuple[PreparedStatement, set[str]]] = {
    "a pick": (OFTEN["a pick"], {"step_executions_due"}),
    "a pick of a suspect": (OFTEN["a pick of a suspect"], {"step_executions_due", "step_executions_interrupted"}),
    "a wait": (OFTEN["a wait"], {"step_executions_due", "step_executions_interrupted"}),
    "announcing": (OFTEN["announcing"], {"step_executions_hint"}),
    "looking for what is to announce": (OFTEN["looking for what is to announce"], {"step_executions_hint"}),
    "closing": (OFTEN["closing"], {"workflow_runs_closing"}),
    "closing branches": (claim._CLOSING_BRANCHES, {"step_executions_closing"}),
    "looking for what is to close": (
        OFTEN["looking for what is to close"],
        {"workflow_runs_closing", "step_executions_closing"},
    ),
    "looking for misfits": (OFTEN["looking for misfits"], {"step_executions_misfit"}),
    "a lease of misfits": (OFTEN["a lease of misfits"], {"step_executions_misfit"}),
}
"""What idle workers look for, and the indexes that hold no more than that."""


@pytest.mark.parametrize("what", QUEUES)
@pytest.mark.parametrize("server", ["fresh", "full"])
def test_what_is_due_is_found_by_its_queue(request: pytest.FixtureRequest, server: str, what: str):
    """To who knows nothing, all that is open looks as good as the queue: and then it is all that ever waits."""
    statement, queues = QUEUES[what]
    scans = request.getfixturevalue(server).scans(statement)

    assert {scan.get("Index Name") for scan in scans if not keys_searched(scan) & {"workflow_id"}} <= queues
    assert all("Index Cond" in scan for scan in scans)


AT_ONCE: dict[str, tuple[PreparedStatement, set[str]]] = {
    "commits": (commit_at_once._COMMIT, set()),
    "starts": (start_at_once._START, set()),
    "a claim": (claim_at_once._claim(3), {"step_executions_due", "step_executions_interrupted"}),
    "a claim of what was announced": (claim_at_once._announced(), set()),
}


@pytest.mark.parametrize("what", AT_ONCE)
@pytest.mark.parametrize("server", ["fresh", "full"])
def test_a_group_at_once_walks_through_nothing(request: pytest.FixtureRequest, server: str, what: str):
    statement, queues = AT_ONCE[what]

    used = {scan.get("Index Name") for scan in request.getfixturevalue(server).scans(statement)}

    assert used <= {"step_executions_pkey", "workflow_runs_workflow_id_key", *queues}


def test_runs_at_a_step_are_found_by_the_step_on_which_they_are_or_ended(full: Server):
    scans = full.scans(search.page_of(RunFilter(step="charge"), 50))

    used = [scan.get("Index Name") for scan in scans]
    assert {"step_executions_due", "workflow_runs_error_step"} <= set(used)
    assert None not in used


@pytest.mark.parametrize(
    ("more", "index"),
    [
        ({}, "workflow_runs_pkey"),  # of one namespace are nearly all
        ({"status": (RunStatus.FAILED,)}, "workflow_runs_status"),
        ({"workflow": ("w",)}, "workflow_runs_workflow"),
    ],
)
def test_old_runs_are_read_from_the_newest_of_them_on(full: Server, more: dict[str, Any], index: str):
    """Else a list of what is a year old reads all that has been created since."""
    scans = full.scans(search.page_of(RunFilter(created_before=NOW, **more), 50))

    bounds = {scan["Index Name"]: scan["Index Cond"] for scan in scans if "number" in scan.get("Index Cond", "")}
    assert "number <= " in bounds[index]
    assert set(bounds) <= {index, "workflow_runs_pkey"}


@pytest.mark.parametrize(
    "more",
    [
        {"tenant": "t"},
        {"workflow": ("w",)},
        {"created_after": NOW},
        {"status": (RunStatus.FAILED,)},
        {"tenant": "t", "workflow": ("w",), "created_after": NOW},
    ],
    ids=str,
)
def test_whatever_else_is_asked_of_runs_at_a_step_those_at_the_step_are_found_first(full: Server, more: dict[str, Any]):
    """Else all runs of a tenant are looked through for one that is at a step: a million rows for a page."""
    scans = full.scans(search.page_of(RunFilter(step="charge", **more), 50))

    used = {scan.get("Index Name") for scan in scans}
    assert "workflow_runs_error_step" in used
    assert ("step_executions_due" in used) == (more.get("status") is None)  # a run that has failed stands at no step
    assert used <= {
        *("step_executions_due", "workflow_runs_error_step", "workflow_runs_pkey", "workflow_runs_workflow_id_key"),
        *("step_executions_open", "step_executions_pkey"),  # of the rows that are shown
    }

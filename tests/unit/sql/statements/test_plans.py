"""What is asked often is found by an index, however long the queues and the history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import BindParameter, Boolean, Connection, Integer, LargeBinary, Update, Uuid, event
from sqlalchemy.types import TupleType

from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.model.runs import RunStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.schema.types import Json, StoreTime
from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.sql.statements import announce, claim, heartbeat, hops, next_due, operate, prune, read, signals, start
from paigeant.sql.statements.calls import budgets, checkpoints, leased, ledger
from paigeant.sql.statements.commits import judged as commit
from paigeant.sql.statements.commits import plain as commit_plain
from paigeant.sql.statements.commits import rows as commit_rows
from paigeant.sql.statements.commits.tree import children, ending, resuming
from paigeant.sql.statements.custody import evidence, records
from paigeant.sql.statements.overview import search
from paigeant.sql.statements.values import branches, variables

TABLES = (
    "step_executions",
    "workflow_runs",
    "heartbeats",
    "values",
    "workflow_variables",
    "done",
    "ledger",
    "signals",
    "budgets",
    "reservations",
    "branches",
)

OFTEN: dict[str, Any] = {
    "a start": start._BY_ID,
    "a start with a key": start._BY_KEY,
    "a pick": claim._due_of(3),
    "a wait": next_due._next_due_of(3),
    "a pick of a suspect": claim._SUSPECTS,
    "whether one holds a suspect": claim._HELD_SUSPECTS,
    "looking for misfits": claim._MISFITS,
    "a lease of misfits": claim._THESE_MISFITS,
    "a lease": claim._ANNOUNCED,
    "taking a lease": claim._TAKE,
    "saying when a run started": claim._STARTED,
    "a beat": heartbeat._HELD,
    "renewing": heartbeat._RENEW,
    "closing": claim._CLOSING,
    "looking for what is to close": next_due._NEXT_CLOSING,
    "announcing": announce._SILENT,
    "looking for what is to announce": announce._NEXT_SILENT,
    "a commit's runs": commit.RUNS,
    "a plain commit's runs": commit.RUNS_IN_ORDER,
    "a commit's hops": commit._HOPS,
    "a commit repeated": commit._GIVEN,
    "leaving a hop at once": commit_plain._LEAVE,
    "ending a run at once": commit_plain._END,
    "leaving a hop": commit_rows._LEAVE,
    "keeping a hop": commit_rows._HOLD,
    "what changes of a run": commit_rows._RUN,
    "ending a run": ending._ABANDON,
    "undoing": hops._RECORDS,
    "the node that waits for a child": children._WAITING,
    "making it due": children._TELL,
    "the newest child of a node": children._NEWEST,
    "whether a child has ended": children._REPORTING,
    "the last hop of a child": children._LAST,
    "what can be undone of a child": children._UNDO,
    "the children of a run": children._CHILDREN,
    "open children to end": ending._OPEN_CHILDREN,
    "open children to go on": resuming._OPEN_CHILDREN,
    "the parent of a run": evidence._PARENT,
    "what a step said before": hops._DETAILS,
    "the topics there are": operate._NEXT_TOPIC,
    "a run's status": read._STATUS,
    "a run": read._RUN,
    "a run's steps": read._STEPS,
    "variables": variables._WANTED,
    "all variables": variables._ALL,
    "the place of what a person sets": variables._NEWEST,
    "whether it was set there": variables._SET_AT,
    "the status of a run to be changed": resuming._RUN,
    "branches that have ended": branches._ALL,
    "branches that can be undone": branches._UNDOABLE,
    "the branch that a node began with last": branches._NEWEST,
    "values": variables._VALUES,
    "whether a recording's lease is alive": leased._LEASED,
    "checkpoints that were there": checkpoints._THESE,
    "a step's checkpoints": checkpoints._ALL,
    "a ledger": ledger._OF_RUN,
    "budgets": budgets._LOCKED,
    "what is reserved": budgets._RESERVED,
    "which signals a run has": signals._KNOWN,
    "how many signals are kept": signals._COUNT,
    "a signal for a wait": signals._KEPT,
    "the waits of a run": signals._WAITS,
    "waits that have just begun": signals._THESE_WAITS,
    "ending a wait": signals._MEET,
    "saying what a signal has met": signals._PLACE,
    "what is signed of a run": records._OF_RUN,
    "a list of a status": search.page_of(RunFilter(status=(RunStatus.FAILED,)), 50),
    "a list of what waits": search.page_of(RunFilter(status=(RunStatus.WAITING,)), 50),
    "a list of a workflow": search.page_of(RunFilter(workflow=("article",)), 50),
    "a list of named runs": search.page_of(RunFilter(workflow_id=(UUID(int=1), UUID(int=2))), 50),
    "a list of all runs": search.page_of(RunFilter(), 50),
    "a list of old runs": search.page_of(RunFilter(created_before=datetime.now(UTC)), 50),
    "a list of old runs of a tenant": search.page_of(RunFilter(tenant="t", ended_before=datetime.now(UTC)), 50),
    "a list of forks": search.page_of(RunFilter(forks_of=UUID(int=1)), 50),
    "a list of what is at a step": search.page_of(RunFilter(step="charge"), 50),
    "a list of what waits for a reason": search.page_of(RunFilter(reason=("parked", "signal")), 50),
    "a list of what ended with an error": search.page_of(RunFilter(error="ValueError"), 50),
    "a list of children": search.page_of(RunFilter(parent=UUID(int=1)), 50),
    "what to prune": prune._OLDEST,
    "counting what to prune": prune._COUNT,
    "how large it is": prune._SIZES,
    **{f"pruning, table {number}": deletion for number, deletion in enumerate(prune.DELETIONS)},
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path_factory.mktemp('plans')}/paigeant.db"
    choose_schema(Settings(store=url)).upgrade()
    with SqliteDatabase(url, "default").connect() as connection:
        yield connection


@pytest.fixture
def connection(database: Connection) -> Iterator[Connection]:
    yield database
    database.rollback()


@pytest.mark.parametrize("what", OFTEN)
def test_no_table_is_walked_through(connection: Connection, what: str):
    statement = OFTEN[what].statement if isinstance(OFTEN[what], PreparedStatement) else OFTEN[what]
    compiled = statement.compile(dialect=connection.dialect)
    said: list[str] = []

    def note(*about: Any) -> None:
        said.append(about[2])

    event.listen(connection, "before_cursor_execute", note)
    connection.execute(statement, {bind.key: example(bind) for bind in compiled.binds.values()})
    event.remove(connection, "before_cursor_execute", note)

    plan = connection.connection.execute("EXPLAIN QUERY PLAN " + said[0], ["[]"] * said[0].count("?")).fetchall()
    steps = [step[3] for step in plan]
    walks = [step for step in steps if step.removeprefix("SCAN ").startswith(TABLES)]
    walks += [step for step in steps if step.startswith("SEARCH workflow_runs") and step.endswith("(namespace=?)")]
    in_order = "SEARCH workflow_runs USING INDEX workflow_runs_number (namespace=?)"  # read as far as the page goes
    assert [walk for walk in walks if walk != in_order] == []


@pytest.mark.parametrize(
    "what", [name for name, one in OFTEN.items() if isinstance(getattr(one, "statement", one), Update)]
)
def test_nor_for_many_rows_at_once(connection: Connection, what: str):
    statement = getattr(OFTEN[what], "statement", OFTEN[what])
    together = PreparedStatement(statement).constant_rows({})
    assert together is not None
    sql = together.text(8)

    plan = connection.connection.execute("EXPLAIN QUERY PLAN " + sql, [None] * sql.count("?")).fetchall()

    steps = [step[3] for step in plan]
    walks = [step for step in steps if step.removeprefix("SCAN ").startswith(TABLES)]
    walks += [step for step in steps if step.startswith("SEARCH workflow_runs") and step.endswith("(namespace=?)")]
    assert walks == []


def example(bind: BindParameter[Any]) -> Any:
    """Return a value that the parameter could have."""
    match bind.type:
        case TupleType():
            value: Any = ("a", "b")
        case Uuid():
            value = uuid4()
        case StoreTime():
            value = datetime.now(UTC)
        case Integer():
            value = 1
        case Boolean():
            value = True
        case LargeBinary():
            value = b""
        case Json():
            value = None
        case _:
            value = 1 if bind.key == "limit" else "[]"
    return [value] if bind.expanding else value

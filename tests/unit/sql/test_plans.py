"""What is asked often is found by an index, however long the queues and the history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import BindParameter, Boolean, Connection, Integer, Uuid, event
from sqlalchemy.types import TupleType

from paigeant.model.runs import RunStatus
from paigeant.sql import (
    administration,
    beginning,
    committing,
    holding,
    hops,
    leasing,
    operator,
    pruning,
    reading,
    results,
    sweeping,
    variables,
)
from paigeant.sql.hot import Hot
from paigeant.sql.sqlite import SqliteDatabase
from paigeant.sql.types import Json, StoreTime

TABLES = ("step_executions", "workflow_runs", "messages", "heartbeats", "values", "workflow_variables", "done")

OFTEN: dict[str, Any] = {
    "a start": beginning._BY_ID,
    "a start with a key": beginning._BY_KEY,
    "a pick": leasing._due_of(3),
    "a wait": leasing._next_due_of(3),
    "a pick of a suspect": leasing._SUSPECTS,
    "whether one holds a suspect": leasing._HELD_SUSPECTS,
    "a wait for suspects": leasing._NEXT_SUSPECT,
    "looking for misfits": leasing._MISFITS,
    "a lease of misfits": leasing._THESE_MISFITS,
    "a lease": leasing._ANNOUNCED,
    "taking a lease": leasing._TAKE,
    "saying that a run is running": leasing._RUNNING,
    "a beat": holding._HELD,
    "renewing": holding._RENEW,
    "closing": leasing._CLOSING,
    "looking for what is to close": leasing._NEXT_CLOSING,
    "announcing": sweeping._SILENT,
    "looking for what is to announce": sweeping._NEXT_SILENT,
    "a commit's runs": committing._RUNS,
    "a commit's hops": committing._HOPS,
    "a commit repeated": committing._GIVEN,
    "leaving a hop": results._LEAVE,
    "keeping a hop": results._HOLD,
    "moving a run": results._MOVE,
    "ending a run": results._LEFT,
    "undoing": hops._RECORDS,
    "what a step said before": hops._DETAILS,
    "the topics there are": operator._NEXT_TOPIC,
    "a run's status": reading._STATUS,
    "a run": reading._RUN,
    "a run's steps": reading._STEPS,
    "variables": variables._WANTED,
    "values": variables._VALUES,
    "a list of a status": reading.page_of(RunStatus.FAILED, None),
    "a list of a workflow": reading.page_of(None, "article"),
    "what to prune": pruning._OLDEST,
    "counting what to prune": pruning._COUNT,
    "how large it is": pruning._SIZES,
    **{f"pruning, table {number}": deletion for number, deletion in enumerate(pruning.DELETIONS)},
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    administration.upgrade(url)
    with SqliteDatabase(url, "default").connect() as connection:
        yield connection


@pytest.mark.parametrize("what", OFTEN)
def test_no_table_is_walked_through(connection: Connection, what: str):
    statement = OFTEN[what].statement if isinstance(OFTEN[what], Hot) else OFTEN[what]
    compiled = statement.compile(dialect=connection.dialect)
    said: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *about: said.append(about[2]))

    connection.execute(statement, {bind.key: example(bind) for bind in compiled.binds.values()})

    plan = connection.connection.execute("EXPLAIN QUERY PLAN " + said[0], ["[]"] * said[0].count("?")).fetchall()
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
        case Json():
            value = None
        case _:
            value = 1 if bind.key == "limit" else "[]"
    return [value] if bind.expanding else value

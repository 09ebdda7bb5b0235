"""Whatever text somebody has put into a column, all that is there can be shown, and nothing is made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import Column, LargeBinary, Table, Text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

from paigeant import Paigeant
from paigeant.app.custody import Custody
from paigeant.errors import PaigeantError
from paigeant.model.message import HopKey
from paigeant.model.plan import WorkerCard
from paigeant.model.runs import RunStatus
from paigeant.model.spending.costs import CostBy
from paigeant.model.stored.access_tokens import TokenGrant, TokenRole
from paigeant.model.stored.dead_letters import Flaw, RejectedMessage
from paigeant.model.stored.run_filter import RunFilter
from paigeant.sql.schema.types import Bytes, Json
from paigeant.sql.schema.whole import WHOLE
from tests.integration.edits import Edit, Flows
from tests.integration.test_tampering import Database

TEXTS: Final = ("x", '{"value":{}', "[]")
"""No word of any kind; no JSON; JSON of another shape."""

FLOWS: Final = ("coat", "pair", "wait", "note", "buy")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def flows(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Flows:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    url = request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url
    return Flows(Database(url, tell_postgres), tmp_path)


WORDS: Final = frozenset(
    ("status", "direction", "kind", "reason", "role", "on_fault", "closing", "ended", "cancel_requested", "verb")
)
"""Columns of which a few words are known."""


def columns() -> Iterator[tuple[Table, Column[Any]]]:
    """Yield the columns that hold words and JSON: what a database takes any text for."""
    for table in WHOLE.sorted_tables:
        for column in table.columns:
            kind = column.type
            if isinstance(kind, Text | Json | LargeBinary | Bytes) or (
                isinstance(kind, TypeDecorator) and isinstance(kind.impl, Text)
            ):
                yield table, column


async def _keep_more(app: Paigeant) -> None:
    """Have something in the tables that belong to no run, too."""
    store = app.runtime.store
    await store.record_dead_letters([RejectedMessage.of("cut", "m", b"no message", Flaw.UNREADABLE, "no message")])
    await store.record_token(TokenGrant(name="ann", role=TokenRole.ADMIN, payloads=True), "0" * 64)
    await store.report_worker(WorkerCard("w", "host", 1, ("cut",)))
    await store.pause_model("m", 60.0)


def readers(app: Paigeant, runs: list[UUID]) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return all that reads what lies in the store, to show it."""
    store = app.runtime.store
    anything = RunFilter()
    whole: dict[str, Callable[[], Awaitable[Any]]] = {
        "list_runs": store.list_runs,
        "runs unreadable": lambda: store.list_runs(RunFilter(status=(RunStatus.UNREADABLE,))),
        "find_runs": lambda: store.find_runs(min(runs), max(runs)),
        "runs that fit": lambda: store.list_runs(anything),
        "count_runs": lambda: store.count_runs(anything),
        "list_queues": store.list_queues,
        "count_open": store.count_open,
        "count_ends": lambda: store.count_ends(timedelta(days=1)),
        "list_plans": store.list_plans,
        "find_plans": lambda: store.find_plans(["coat"]),
        "find_cards": lambda: store.find_cards(["cut"]),
        "list_workers": store.list_workers,
        "find_unserved": store.find_unserved,
        "dead letters": store.list_dead_letters,
        "tokens": store.list_tokens,
        "token": lambda: store.find_token("0" * 64),
        "approvals": lambda: store.list_approvals(everything=True),
        "budgets": store.list_budgets,
        "pauses": store.load_pauses,
        "keys": store.list_keys,
        "costs": lambda: store.sum_costs(CostBy.WORKFLOW, since=timedelta(days=1)),
        "deeds": lambda: store.load_deeds(None),
    }
    for run in runs:
        whole |= {
            f"view {run}": lambda run=run: _shown(app, run),
            f"status {run}": lambda run=run: store.get_status(run),
            f"message {run}": lambda run=run: store.get_message(HopKey(run, "", 1)),
            f"calls {run}": lambda run=run: store.list_calls(run),
            f"histories {run}": lambda run=run: store.list_histories(run),
            f"history {run}": lambda run=run: store.load_history(HopKey(run, "", 1)),
            f"ledger {run}": lambda run=run: store.read_ledger(run),
            f"deeds {run}": lambda run=run: app.run(run).deeds(),
            f"audit {run}": lambda run=run: Custody(app).verify(run),
        }
    return whole


async def _shown(app: Paigeant, run: UUID) -> str:
    return (await app.run(run).view()).model_dump_json()


@pytest.mark.parametrize("which", ["words", pytest.param("all", marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
async def test_what_somebody_has_spoilt_is_shown_with_all_the_rest(flows: Flows, which: str):
    runs = await flows.prepare([Edit(flow, flow, Column("x", Text)) for flow in FLOWS])
    ids, wrong, spoilt = [run.workflow_id for run, _ in runs.values()], dict[str, str](), 0
    chosen = [one for one in columns() if which == "all" or one[1].name in WORDS]
    async with flows.app() as app:
        await _keep_more(app)
        _make_room(flows.database, chosen)
        for table, column in chosen:
            with _kept(flows.database, table, column):
                for text in TEXTS if which == "all" else TEXTS[:1]:
                    if _spoil(flows.database, table, column, text):
                        spoilt += 1
                        found = await _unreadable(readers(app, ids))
                        wrong |= {f"{table.name}.{column.name} {text!r} {name}": why for name, why in found.items()}

    assert wrong == {}
    assert spoilt > len(chosen) / 2


def _make_room(database: Database, chosen: Sequence[tuple[Table, Column[Any]]]) -> None:
    """Add to each table what keeps a column of its: once, for with each change of a table all is prepared again."""
    rooms = {(table.name, _room_for(column)) for table, column in chosen}
    database.edit(*(f'ALTER TABLE "{table}" ADD COLUMN {name} {kind}' for table, (name, kind) in sorted(rooms)))


def _room_for(column: Column[Any]) -> tuple[str, str]:
    return ("kept_bytes", "bytea") if _is_binary(column) else ("kept_text", "text")


@contextmanager
def _kept(database: Database, table: Table, column: Column[Any]) -> Iterator[None]:
    """Put back what was in a column."""
    change, (room, _) = f'UPDATE "{table.name}" SET', _room_for(column)
    database.edit(f'{change} {room} = "{column.name}"')
    try:
        yield
    finally:
        database.edit(f'{change} "{column.name}" = {room}')


def _is_binary(column: Column[Any]) -> bool:
    return isinstance(column.type, LargeBinary | Bytes)


def _spoil(database: Database, table: Table, column: Column[Any], text: str) -> bool:
    """Write a text into each row of a column; returns False if the database does not take it."""
    value = "'" + text.replace("{", "{{").replace("}", "}}") + "'"
    if _is_binary(column):
        value = f"CAST({value} AS BLOB)" if database.is_sqlite else f"{value}::bytea"
    try:
        database.edit(f'UPDATE "{table.name}" SET "{column.name}" = {value}')
    except DBAPIError:  # two rows may not be the same there, or another table has to have it
        return False
    return True


async def _unreadable(asked: Mapping[str, Callable[[], Awaitable[Any]]]) -> dict[str, str]:
    """Return what cannot be shown, and why; an error of ours is for people, and says it."""
    found: dict[str, str] = {}
    for name, read in asked.items():
        try:
            await read()
        except PaigeantError:
            continue
        except Exception as error:  # noqa: BLE001  (this is what is looked for)
            found[name.partition(" ")[0]] = repr(error)[:300]
    return found

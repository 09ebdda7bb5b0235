"""Whatever column of a run somebody edits: it is held with the link that is broken, or it goes on as if nothing was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Table

from paigeant.sql.schema.branch_tables import branches, joins
from paigeant.sql.schema.calls import approvals, checkpoints, histories, ledger
from paigeant.sql.schema.custody import deeds, records
from paigeant.sql.schema.tables import signals, step_executions, values, workflow_runs, workflow_variables
from tests.integration.edits import WITHOUT_EFFECT, Edit, Flows, Found
from tests.integration.test_tampering import Database

SECOND, THIRD = " AND position = 2", " AND position = 3"
ENDED, OPEN, NODE = " AND path = '2.0'", " AND path = '2.1'", " AND path = '' AND position = 2"


STUCK: Final = ("running", "waiting")


def all_of(flow: str, table: Table, *places: str) -> list[Edit]:
    return [Edit(flow, table.name, column, where) for column in table.columns for where in places or ("",)]


EDITS: Final[Mapping[str, list[Edit]]] = {
    "coat": [
        *all_of("coat", workflow_runs),
        *all_of("coat", step_executions, SECOND, THIRD),
        *all_of("coat", workflow_variables),
        *all_of("coat", values),
        *all_of("coat", records, " AND position = 0", " AND position = 1"),
    ],
    "pair": [
        *all_of("pair", joins),
        *all_of("pair", branches, " AND number = 0", " AND number = 1"),
        *all_of("pair", step_executions, OPEN, ENDED, NODE),
        *all_of("pair", records, f"{ENDED} AND position = 1"),
        *(Edit("pair", "workflow_runs", workflow_runs.c[name]) for name in ("closing", "deadline", "closes_at")),
    ],
    "wait": [*all_of("wait", signals), *all_of("wait", deeds), *all_of("wait", workflow_variables, " AND name = 'go'")],
    "note": [*all_of("note", deeds), *all_of("note", workflow_variables, " AND name = 'note'")],
    "buy": [each for table in (approvals, checkpoints, deeds, histories, ledger) for each in all_of("buy", table)],
}
"""A run each: two steps behind, a branch that has ended beside one that is due, a signal, a variable, an approval."""

# Of each column what an audit names right after the edit, and how what workers make of it begins. Others are intact,
# and without effect. STUCK and ``lost`` is what nobody finds any more, as if it was deleted, or what others never end;
# ``failed`` what has no attempts left: when and how often is not signed.
EXPECTED: Final[Mapping[str, Mapping[str, tuple[str | None, str | tuple[str, ...]]]]] = {
    "coat": {
        "workflow_runs.namespace": ("lost", "lost"),
        "workflow_runs.workflow": (":0 workflow", WITHOUT_EFFECT),
        "workflow_runs.tenant": (":0 tenant", WITHOUT_EFFECT),
        "workflow_runs.dispatch_key": (":0 key", WITHOUT_EFFECT),
        "workflow_runs.trace_id": (":0 trace", WITHOUT_EFFECT),
        "workflow_runs.input": (":0 input", WITHOUT_EFFECT),
        "workflow_runs.cancel_requested": (None, "held: position 3, cancel: nobody has sig"),
        "workflow_runs.deadline": (None, "held: position 3, deadline:"),
        "workflow_runs.completed_at": (":0 run", "unreadable"),
        "workflow_runs.parent_id": (":0 within", WITHOUT_EFFECT),
        "step_executions.path AND position = 2": ("x:2 record", "held: variable 'sew': it was signed, and"),
        "step_executions.path AND position = 3": (":3 message", "held: its row and its message differ: th"),
        "step_executions.position AND position = 2": (":9 record", WITHOUT_EFFECT),
        "step_executions.position AND position = 3": (":3 message", "held: its row and its message differ: th"),
        "step_executions.namespace AND position = 2": (None, "held: variable 'sew': it was signed, and"),
        "step_executions.namespace AND position = 3": (None, STUCK),
        "step_executions.step AND position = 2": (":2 step", "held: variable 'sew': it was signed, and"),
        "step_executions.step AND position = 3": (None, STUCK),
        "step_executions.step_id AND position = 2": (":2 step_id", WITHOUT_EFFECT),
        "step_executions.step_id AND position = 3": (None, "held: its row and its message differ: th"),
        "step_executions.direction AND position = 2": (":2 dir", "held: variable 'sew': it was signed, and"),
        "step_executions.direction AND position = 3": (None, "held: its row and its message differ: th"),
        "step_executions.undoes_position AND position = 3": (None, "held: its row and its message differ: th"),
        "step_executions.status AND position = 2": (":2 status", "held: variable 'sew': it was signed, and"),
        "step_executions.attempt AND position = 3": (None, "failed"),
        "step_executions.completed_at AND position = 3": (None, STUCK),
        "step_executions.input AND position = 2": (":2 in", WITHOUT_EFFECT),
        "step_executions.input AND position = 3": (":0 values", WITHOUT_EFFECT),
        "step_executions.output AND position = 2": (":2 out", "held: variable 'sew': not what was signe"),
        "step_executions.log AND position = 2": (":2 log", WITHOUT_EFFECT),
        "step_executions.undo_before AND position = 2": (":2 undo", WITHOUT_EFFECT),
        "step_executions.accepted AND position = 3": (None, "held: position 3, accepted: nobody has s"),
        "step_executions.revision AND position = 2": (":2 rev", WITHOUT_EFFECT),
        "step_executions.head AND position = 3": (None, "held: the record that the message follow"),
        "step_executions.closes AND position = 3": (None, "held: position 3, closes: nothing says t"),
        "step_executions.body AND position = 2": (":2 message", WITHOUT_EFFECT),
        "step_executions.body AND position = 3": (":3 message", "held: the bytes of its message are not t"),
        "step_executions.digest AND position = 3": (None, "held: the bytes of its message are not t"),
        "workflow_variables.name": (":1 vars.note", "held: variable 'note': it was signed, an"),
        "workflow_variables.path": (":1 vars.note", "held: variable 'note': it was signed, an"),
        "workflow_variables.position": (":1 vars.note", WITHOUT_EFFECT),
        "workflow_variables.value": (":1 vars.note", "held: variable 'note': not what was sign"),
        "values.json": (":0 values", "failed"),
        "records.path AND position = 0": ("x:0 record", WITHOUT_EFFECT),
        "records.path AND position = 1": ("x:1 record", WITHOUT_EFFECT),
        "records.position AND position = 0": (":7 record", WITHOUT_EFFECT),
        "records.position AND position = 1": (":8 record", WITHOUT_EFFECT),
        "records.text AND position = 0": (":0 record", "held: the record that position 1 follows"),
        "records.text AND position = 1": (":1 record", "held: the record that position 2 follows"),
        "records.jws AND position = 0": (":0 record", "held: the record that position 1 follows"),
        "records.jws AND position = 1": (":1 record", "held: the record that position 2 follows"),
    },
    "pair": {
        "joins.path": (None, "waiting: internal"),
        "joins.position": (None, "waiting: internal"),
        "joins.total": (None, "held: position 2, join: it did not begin"),
        "joins.needed": (None, "held: position 2, join: it did not begin"),
        "joins.window": (None, "held: position 2, join: it did not begin"),
        "joins.collect": (None, "held: position 2, join: it did not begin"),
        "joins.items": (None, "held: position 2, join: it did not begin"),
        "joins.back": (None, "held: position 2, join: it did not begin"),
        "joins.written": (None, STUCK),
        "joins.arrived": (None, STUCK),
        "joins.completed": (None, "held: join: its branches do not say in w"),
        "joins.stuck": (None, "compensation_failed"),
        "joins.reopened": (None, "waiting: internal"),
        "branches.path AND number = 0": (None, "held: join: its branches do not say in w"),
        "branches.path AND number = 1": (None, "held: join: 2 of 2 branches have complet"),
        "branches.position AND number = 0": (None, "held: join: its branches do not say in w"),
        "branches.position AND number = 1": (None, "held: join: 2 of 2 branches have complet"),
        "branches.number AND number = 0": (None, "waiting: internal"),
        "branches.number AND number = 1": (None, "held: join: 2 of 2 branches have complet"),
        "branches.branch AND number = 0": (None, "held: branch x, record: it has ended, an"),
        "branches.branch AND number = 1": (None, "held: branch x, record: it has ended, an"),
        "branches.ended AND number = 0": (None, "held: branch 2.0, ended: it is stuck, an"),
        "branches.rank AND number = 0": (None, "held: join: its branches do not say in w"),
        "branches.output AND number = 0": (None, "held: branch 2.0, output: not what all s"),
        "branches.undo AND number = 0": (None, "held: position 2, branches: what is to be"),
        "step_executions.path AND path = '2.1'": ("2.1:1 message", "held: its row and its message differ: th"),
        "step_executions.path AND path = '2.0'": ("x:1 record", "held: variable 'sew': not what was signe"),
        "step_executions.path AND path = '' AND position = 2": (":2 message", STUCK),
        "step_executions.position AND path = '2.1'": ("2.1:1 message", "held: its row and its message differ: th"),
        "step_executions.position AND path = '2.0'": ("2.0:8 record", WITHOUT_EFFECT),
        "step_executions.position AND path = '' AND position = 2": (
            ":2 message",
            "held: branch 2.1, plan: the message t",
        ),
        "step_executions.namespace AND path = '2.1'": (None, STUCK),
        "step_executions.namespace AND path = '2.0'": (None, "held: variable 'sew': not what was signe"),
        "step_executions.namespace AND path = '' AND position = 2": (None, STUCK),
        "step_executions.step AND path = '2.1'": (None, STUCK),
        "step_executions.step AND path = '2.0'": ("2.0:1 step", "held: variable 'sew': not what was signe"),
        "step_executions.step AND path = '' AND position = 2": (None, STUCK),
        "step_executions.step_id AND path = '2.1'": (None, "held: its row and its message differ: th"),
        "step_executions.step_id AND path = '2.0'": ("2.0:1 step_id", WITHOUT_EFFECT),
        "step_executions.step_id AND path = '' AND position = 2": (None, "held: its row and its message differ: th"),
        "step_executions.direction AND path = '2.1'": (None, "held: its row and its message differ: th"),
        "step_executions.direction AND path = '2.0'": ("2.0:1 dir", "held: variable 'sew': not what was signe"),
        "step_executions.direction AND path = '' AND position = 2": (None, "held: its row and its message differ: th"),
        "step_executions.undoes_position AND path = '2.1'": (None, "held: its row and its message differ: th"),
        "step_executions.undoes_position AND path = '' AND position = 2": (
            None,
            "held: its row and its message differ: th",
        ),
        "step_executions.status AND path = '2.0'": ("2.0:1 status", "held: variable 'sew': not what was signe"),
        "step_executions.attempt AND path = '2.1'": (None, "failed"),
        "step_executions.owner AND path = '' AND position = 2": (None, STUCK),
        "step_executions.completed_at AND path = '2.1'": (None, STUCK),
        "step_executions.completed_at AND path = '' AND position = 2": (None, STUCK),
        "step_executions.input AND path = '2.1'": (":0 values", WITHOUT_EFFECT),
        "step_executions.input AND path = '2.0'": ("2.0:1 in", WITHOUT_EFFECT),
        "step_executions.input AND path = '' AND position = 2": (":0 values", WITHOUT_EFFECT),
        "step_executions.output AND path = '2.0'": ("2.0:1 out", "held: variable 'sew': not what was signe"),
        "step_executions.log AND path = '2.0'": ("2.0:1 log", WITHOUT_EFFECT),
        "step_executions.undo_before AND path = '2.0'": ("2.0:1 undo", WITHOUT_EFFECT),
        "step_executions.accepted AND path = '2.1'": (None, "held: position 1, accepted: nobody has s"),
        "step_executions.accepted AND path = '' AND position = 2": (None, "held: position 2, accepted: nobody has s"),
        "step_executions.revision AND path = '2.0'": ("2.0:1 rev", WITHOUT_EFFECT),
        "step_executions.head AND path = '2.1'": (None, "held: the record that the message follow"),
        "step_executions.head AND path = '' AND position = 2": (None, "held: the record that the message follow"),
        "step_executions.closes AND path = '' AND position = 2": (None, ("held: position 2, closes", WITHOUT_EFFECT)),
        "step_executions.closes AND path = '2.1'": (None, "held: position 1, closes: nothing says t"),
        "step_executions.body AND path = '2.1'": ("2.1:1 message", "held: the bytes of its message are not t"),
        "step_executions.body AND path = '2.0'": ("2.0:1 message", WITHOUT_EFFECT),
        "step_executions.body AND path = '' AND position = 2": (
            ":2 message",
            ("held: the bytes of its message are not t", "held: position 2, message: not a message"),
        ),
        "step_executions.digest AND path = '2.1'": (None, "held: the bytes of its message are not t"),
        "step_executions.digest AND path = '' AND position = 2": (None, "held: the bytes of its message are not t"),
        "records.path AND path = '2.0' AND position = 1": ("x:1 record", WITHOUT_EFFECT),
        "records.position AND path = '2.0' AND position = 1": ("2.0:8 record", WITHOUT_EFFECT),
        "records.text AND path = '2.0' AND position = 1": ("2.0:1 record", "held: position 1 of 2.0, record: no reco"),
        "records.jws AND path = '2.0' AND position = 1": ("2.0:1 record", "held: position 1 of 2.0, record: its sig"),
        "workflow_runs.deadline": (None, "held: position 1, deadline:"),
    },
    "wait": {
        "deeds.deed_id": (":0 deed signal", "held: position 2, signal 'go': nobody ha"),
        "deeds.namespace": (None, "held: position 2, signal 'go': nobody ha"),
        "deeds.verb": (":0 deed x", "held: position 2, signal 'go': nobody ha"),
        "deeds.by": (":0 deed signal", "held: position 2, signal 'go': nobody ha"),
        "deeds.via": (":0 deed signal", "held: position 2, signal 'go': nobody ha"),
        "deeds.arguments": (":0 deed signal", "held: position 2, signal 'go': nobody ha"),
        "deeds.text": (":0 deed signal", "held: position 2, signal 'go': nobody ha"),
        "deeds.jws": (":0 deed signal", "held: position 2, signal 'go': nobody ha"),
        "workflow_variables.name AND name = 'go'": (None, "held: position 2, signal 'go': nobody ha"),
        "workflow_variables.path AND name = 'go'": (None, "held: position 2, signal 'go': nobody ha"),
        "workflow_variables.value AND name = 'go'": (None, "held: position 2, signal 'go': nobody ha"),
    },
    "note": {
        "deeds.deed_id": (":0 deed variable", "held: variable 'note': not what was sign"),
        "deeds.namespace": (":1 vars.note", "held: variable 'note': not what was sign"),
        "deeds.verb": (":0 deed x", "held: variable 'note': not what was sign"),
        "deeds.by": (":0 deed variable", "held: variable 'note': not what was sign"),
        "deeds.via": (":0 deed variable", "held: variable 'note': not what was sign"),
        "deeds.arguments": (":0 deed variable", "held: variable 'note': not what was sign"),
        "deeds.text": (":0 deed variable", "held: variable 'note': not what was sign"),
        "deeds.jws": (":0 deed variable", "held: variable 'note': not what was sign"),
        "workflow_variables.name AND name = 'note'": (":1 vars.note", "held: variable 'note': it was signed, an"),
        "workflow_variables.path AND name = 'note'": (":1 vars.note", "held: variable 'note': it was signed, an"),
        "workflow_variables.position AND name = 'note'": (":1 vars.note", WITHOUT_EFFECT),
        "workflow_variables.value AND name = 'note'": (":1 vars.note", "held: variable 'note': not what was sign"),
    },
    "buy": {
        "approvals.namespace": (None, STUCK),
        "approvals.path": (None, STUCK),
        "approvals.position": (None, STUCK),
        "approvals.step_id": (None, STUCK),
        "approvals.direction": (None, STUCK),
        "approvals.epoch": (None, STUCK),
        "approvals.key": (None, "held: position 1, approval 'x': nobody h"),
        "approvals.arguments": (None, "held: position 1, approval"),
        "approvals.status": (None, "held: position 1, approval"),
        "approvals.answer": (None, "held: position 1, approval"),
        "checkpoints.step_id": (None, STUCK),
        "checkpoints.direction": (None, STUCK),
        "checkpoints.epoch": (None, STUCK),
        **dict.fromkeys(
            [f"checkpoints.{name}" for name in ("key", "fingerprint", "kind", "library", "payload", "jws")],
            (None, "held: position 1, checkpoint"),
        ),
        "deeds.deed_id": (":0 deed approval", "held: position 1, approval"),
        "deeds.namespace": (None, "held: position 1, approval"),
        "deeds.verb": (":0 deed x", "held: position 1, approval"),
        "deeds.by": (":0 deed approval", "held: position 1, approval"),
        "deeds.via": (":0 deed approval", "held: position 1, approval"),
        "deeds.arguments": (":0 deed approval", "held: position 1, approval"),
        "deeds.text": (":0 deed approval", "held: position 1, approval"),
        "deeds.jws": (":0 deed approval", "held: position 1, approval"),
    },
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def flows(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Flows:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    url = request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url
    return Flows(Database(url, tell_postgres), tmp_path)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "flow", ["coat", *(pytest.param(one, marks=pytest.mark.slow) for one in ("pair", "buy", "wait", "note"))]
)
async def test_each_column_that_is_edited_is_a_broken_link_or_without_effect(flows: Flows, flow: str):
    edits = EDITS[flow]

    found = await flows.judge(edits)

    expected = {name: EXPECTED[flow].get(name, (None, WITHOUT_EFFECT)) for name in found}
    wrong = [f"{name}: {tuple(one)}" for name, one in found.items() if not _is(one, *expected[name])]
    assert wrong == [], "\n".join(wrong)
    assert len(found) > len(edits) / 2
    assert set(flows.made) <= flows.allowed


def _is(found: Found, link: str | None, outcome: str | tuple[str, ...]) -> bool:
    return found.link == link and found.outcome.startswith(outcome)

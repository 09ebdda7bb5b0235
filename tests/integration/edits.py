"""Runs that somebody edits a column of, before their last step is due, and what becomes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Text, Uuid
from sqlalchemy.exc import DBAPIError, IntegrityError

from paigeant import ActivityRegistry, Paigeant, Parallel, Wait, Workflow
from paigeant.agents import PaigeantDurability
from paigeant.app.custody import Custody
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import UnknownRun
from paigeant.model.outcomes import Completed
from paigeant.model.runs import RunStatus, WaitReason
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.sql.schema.types import Bytes, StoreTime
from paigeant.testing.waiting import eventually
from tests.integration.test_tampering import Database

LONG: Final = "x" * 5_000
"""Longer than what lies in a row: the values are in a table of their own."""

WITHOUT_EFFECT: Final = "without effect"
"""The run has completed with what it should have come to."""

LOST: Final = "lost"
"""Nobody finds the run, or its hop, as if it had been deleted."""


QUIET: Final = 24
"""Half seconds in which nothing changes, after which nothing will."""


class Edit(NamedTuple):
    """A column of a run, of the rows ``where``, as SQL; a run of a ``flow``."""

    flow: str
    table: str
    column: Column[Any]
    where: str = ""

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column.name}{self.where}"


class Found(NamedTuple):
    """What became of a run: what an audit says right after the edit, and what workers made of it."""

    link: str | None
    outcome: str


class Flows:
    """Workflows whose last step is given what was signed, or nothing."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.made: list[str] = []
        self.allowed: set[str] = set()
        """What steps may have been given: nothing else was signed."""
        self.registry = ActivityRegistry()
        key = SigningKey.generate()
        write_key(folder / "key", key)
        may = ["dispatch:*", "step:*", "operate:*"]
        trusted = {"keys": [{**key.public_jwk, "paigeant": {"iss": "all", "may": may}}]}
        (folder / "trust").write_text(json.dumps(trusted))
        self.workflows = [
            Workflow("coat", ["cut", "sew", "sell"]),
            Workflow("pair", ["cut", Parallel(left=["sew"], right=["hem"]), "pack"]),
            Workflow("wait", ["cut", Wait("go"), "tag"]),
            Workflow("note", ["cut", "label"]),
            Workflow("buy", ["buyer"]),
        ]
        self._register()

    def _register(self) -> None:
        """Each last step takes its arguments with a default: what is not there would be seen."""

        @self.registry.execute
        async def cut(payload: str) -> Completed[str]:
            return Completed(f"cut {payload}", variables={"note": f"note of {payload}"})

        @self.registry.execute
        async def sew(cut: str) -> str:
            return f"sewn {cut}"

        @self.registry.execute
        async def hem(payload: str, cut: str = "no cut") -> str:
            self._made(payload, f"hem {cut}")
            return f"hem {cut}"

        @self.registry.execute
        async def sell(payload: str, cut: str = "no cut", sew: str = "not sewn", note: str = "no note") -> str:
            return self._made(payload, cut, sew, note)

        @self.registry.execute
        async def pack(payload: str, cut: str = "no cut", sew: str = "not sewn", hem: str = "no hem") -> str:
            return self._made(payload, cut, sew, hem)

        @self.registry.execute
        async def tag(payload: str, cut: str = "no cut", go: str = "nothing") -> str:
            return self._made(payload, cut, go)

        @self.registry.execute
        async def label(payload: str, cut: str = "no cut", note: str = "no note") -> str:
            return self._made(payload, cut, note)

        self._register_buyer()

    def _register_buyer(self) -> None:
        agent = Agent(FunctionModel(self._answer), name="buyer", capabilities=[PaigeantDurability()])
        agent.tool_plain(requires_approval=True)(self._pay)
        self.registry.agent(agent, prompt="{payload}")

    def _made(self, *given: str) -> str:
        self.made.append(" | ".join(given))
        return self.made[-1]

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del info
        said = [part for each in messages for part in each.parts]
        done = [part.content for part in said if isinstance(part, ToolReturnPart)]
        asked: Any = messages[0].parts[-1].content  # type: ignore[union-attr]
        return ModelResponse(parts=[TextPart(f"{done[0]}") if done else ToolCallPart("_pay", {"what": asked})])

    async def _pay(self, what: str) -> str:
        self.made.append(f"pay {what}")
        return f"paid {what}"

    def app(self) -> Paigeant:
        signing: dict[str, Any] = {"signing_key": str(self.folder / "key"), "trust": str(self.folder / "trust")}
        settings = Settings(store=self.database.url, grace=1, lease=10, signing="on", **signing)
        return Paigeant(self.registry, workflows=self.workflows, settings=settings)

    @staticmethod
    def expected(flow: str, payload: str) -> str:
        """Return what the last step of a run must come to."""
        cut = f"cut {payload}"
        return {
            "coat": f"{payload} | {cut} | sewn {cut} | note of {payload}",
            "pair": f"{payload} | {cut} | sewn {cut} | hem {cut}",
            "wait": f"{payload} | {cut} | went {payload}",
            "note": f"{payload} | {cut} | set for {payload}",
            "buy": f"paid {payload}",
        }[flow]

    # -- the runs

    async def prepare(self, edits: Iterable[Edit]) -> dict[str, tuple[Run[Any], str]]:
        """Return a run for each edit, whose last step is due, and its payload."""
        made: dict[str, tuple[Run[Any], str]] = {}
        async with self.app() as app:
            for number, edit in enumerate(edits):
                payload = f"{edit.flow} {number} {LONG if edit.table == 'values' else ''}".strip()
                made[edit.name] = (await app.dispatch(edit.flow, payload), payload)
                self.allowed |= {self.expected(edit.flow, payload), f"{payload} | hem cut {payload}", f"pay {payload}"}
            async with app.worker(activities=["cut", "sew", "buyer"]):
                await eventually(lambda: self._are_ready(app, made), within=120)
            for run, payload in made.values():
                await self._act(app, run, payload)
        return made

    async def _are_ready(self, app: Paigeant, made: Mapping[str, tuple[Run[Any], str]]) -> bool:
        return all([self._is_ready(await app.run(run.workflow_id).view()) for run, _ in made.values()])

    @staticmethod
    def _is_ready(view: Any) -> bool:
        steps = {step.step: step.status for step in view.steps}
        match view.workflow:
            case "coat":
                return "sell" in steps
            case "pair":
                return steps.get("sew") == "completed" and "hem" in steps
            case "note":
                return "label" in steps
            case _:
                return view.status is RunStatus.WAITING

    async def _act(self, app: Paigeant, run: Run[Any], payload: str) -> None:
        """Do what a person does of it: send the signal, set the variable, approve the call."""
        run = app.run(run.workflow_id)
        view = await run.view()
        if view.workflow == "wait":
            await run.signal("go", f"went {payload}")
        elif view.workflow == "note":
            await run.set_variable("note", f"set for {payload}")
        elif view.workflow == "buy":
            [asked] = (await run.view()).approvals
            await app.approvals.approve(asked.id)

    def edit(self, edit: Edit, run: Run[Any]) -> bool:
        """Set a column to another value of its type; returns False if the database does not take it."""
        place = f"WHERE workflow_id = '{{run}}'{edit.where}"
        statement = f'UPDATE "{edit.table}" SET {edit.column.name} = {self._other(edit.column)} {place}'
        try:
            self.database.edit(statement, run=run.workflow_id)
        except (IntegrityError, DBAPIError):
            return False
        return True

    def _other(self, column: Column[Any]) -> str:
        """Return another value for a column: SQL, in which a brace is doubled."""
        name, lite = column.name, self.database.is_sqlite
        now = "(julianday('now') - 2440587.5) * 86400" if lite else "now()"
        match column.type:
            case Boolean():
                made = f"NOT COALESCE({name}, {'0' if lite else 'false'})"
            case Integer() | BigInteger():
                made = f"COALESCE({name}, 0) + 7"
            case StoreTime():
                made = f"COALESCE({name}, {now}) - {'40' if lite else chr(39) + '40s' + chr(39) + '::interval'}"
            case Uuid():
                made = "'01890000000070008000000000000001'"
            case Text():
                made = "'x'"
            case LargeBinary() | Bytes():
                made = "X'0102'" if lite else "decode('0102', 'hex')"
            case _:
                made = '\'{{"value":"x"}}\''
        return made

    async def judge(self, edits: Iterable[Edit]) -> dict[str, Found]:
        """Return what becomes of each run that is edited; those that no database takes are not there."""
        edits = list(edits)
        runs = await self.prepare(edits)
        taken = {edit.name: edit for edit in edits if self.edit(edit, runs[edit.name][0])}
        async with self.app() as app:
            links = {name: await _link_of(app, runs[name][0]) for name in taken}
            async with self.app() as fresh, fresh.worker():
                await self._settle(fresh, (runs[name][0] for name in taken))
            outcomes = {name: await self._outcome_of(app, edit, *runs[name]) for name, edit in taken.items()}
        return {name: Found(links[name], outcomes[name]) for name in taken}

    async def _settle(self, app: Paigeant, runs: Iterable[Run[Any]]) -> None:
        """Return once each run is over or waits, or nothing has changed for some seconds: nobody can take the rest."""
        waiting, quiet = {run.workflow_id for run in runs}, 0
        while waiting and quiet < QUIET:
            await asyncio.sleep(0.5)
            found = {run for run in waiting if await _has_settled(app, run)}
            waiting, quiet = waiting - found, 0 if found else quiet + 1

    async def _outcome_of(self, app: Paigeant, edit: Edit, run: Run[Any], payload: str) -> str:
        try:
            view = await app.run(run.workflow_id).view()
        except UnknownRun as error:
            return f"{LOST}: {type(error).__name__}"
        if view.status is RunStatus.COMPLETED:
            good = view.output in {self.expected(edit.flow, payload), None}  # of its own row who shows it believes all
            return WITHOUT_EFFECT if good else f"wrong: {view.output}"
        errors = [error.message for step in view.steps for error in step.errors]
        errors += [error.message for node in view.nodes for error in node.errors]
        if (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED):
            return f"held: {errors[-1]}" if errors else "held"
        return f"{view.status}: {view.reason} {errors[-1:]}"


async def _has_settled(app: Paigeant, run: UUID) -> bool:
    try:
        view = await app.run(run).view()
    except UnknownRun:
        return False
    return view.status.final or (view.status is RunStatus.WAITING and view.reason == WaitReason.TAMPERED)


async def _link_of(app: Paigeant, run: Run[Any]) -> str | None:
    """Return the link that an audit finds broken, with its place; None if it finds none."""
    try:
        found = await Custody(app).verify(run.workflow_id)
    except UnknownRun:
        return LOST
    broken = found.broken
    return None if broken is None else f"{broken.path}:{broken.position} {broken.link}"

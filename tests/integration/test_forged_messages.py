"""Forged messages execute nothing, on a broker or in the store with a row that agrees, and every other run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityRegistry, Paigeant, RunStatus, Workflow
from paigeant.app.choosing import choose_codec
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.model.message import HopKey
from paigeant.model.stored.dead_letters import KEPT_BYTES, DeadLetter, Flaw
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.signed import SignedCodec
from paigeant.testing.waiting import eventually
from tests.integration.forgeries import LARGE, forgeries, signed_by_others
from tests.integration.test_poison import Corner, over_rabbitmq, over_redis
from tests.integration.test_tampering import Database

PATIENCE: Final = 90
LEAST: Final = 10_000
"""Bytes that are kept of a large message, at least."""
ALL: Final = ("dispatch:*", "step:*", "operate:*")


REASONS: Final = {
    "no record": "unsigned",
    "a key that is expired": "revoked",
    "a key that is revoked": "revoked",
    "a key that is unknown": "unreadable",
    **dict.fromkeys(("a byte of the frame", "a line less", "lines in another order", "nothing"), "unreadable"),
    **dict.fromkeys(("keys doubled in the body", "10,000 levels", LARGE), "unreadable"),
}
"""What a run waits for whose message in the store is such a forgery, where that is not `tampered`."""


FLAWS: Final = {
    "no record": Flaw.UNSIGNED,
    "a message that is foreign": Flaw.FOREIGN,
    "a message that is expired": Flaw.EXPIRED,
    "a message of an unknown run": Flaw.UNKNOWN_RUN,
    "a second message of its hop": Flaw.ALTERED,
    **{name: Flaw.UNREADABLE for name, reason in REASONS.items() if reason == "unreadable"},
    **dict.fromkeys(("a key that is expired", "a key that is revoked", "a key that is unknown"), Flaw.UNKNOWN_KEY),
    LARGE: Flaw.TOO_LARGE,
}
"""Why such a message is kept that came from a broker, where that is not `forged`."""


class Forge:
    """A workflow of two steps, those who sign it, and those who would like to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []
        self.registry = ActivityRegistry()
        self.keys = {name: SigningKey.generate() for name in ("trusted", "unknown", "expired", "revoked", "narrow")}
        past = {"expired": {"exp": "2026-01-01T00:00:00Z"}, "revoked": {"revoked_from": "2026-01-01T00:00:00Z"}}
        may = {"narrow": ("step:other",)}
        members = [
            {**key.public_jwk, "paigeant": {"iss": name, "may": may.get(name, ALL), **past.get(name, {})}}
            for name, key in self.keys.items()
            if name != "unknown"
        ]
        write_key(folder / "key", self.keys["trusted"])
        (folder / "trust").write_text(json.dumps({"keys": members}))

        @self.registry.execute
        async def live(payload: str) -> str:
            self.done.append(payload)
            return payload

        self.workflow = Workflow("twice", [live, live])

    @property
    def signing(self) -> dict[str, Any]:
        return {"signing": "on", "signing_key": str(self.folder / "key"), "trust": str(self.folder / "trust")}

    def app(self, settings: Settings, **more: Any) -> Paigeant:
        update = {**self.signing, **more}
        return Paigeant(self.registry, workflows=[self.workflow], settings=settings.model_copy(update=update))

    def codec(self, settings: Settings, audience: str | None) -> SignedCodec:
        """Return what signs with the trusted key, for this audience, by default that of the settings."""
        chosen = choose_codec(settings.model_copy(update={**self.signing, "audience": audience}))
        assert isinstance(chosen, SignedCodec)
        return chosen

    async def others(self, app: Paigeant) -> dict[str, bytes]:
        """Return genuine messages of a run that has completed, and of another environment."""
        done = await app.dispatch(self.workflow, "other")
        async with app.worker():
            await done.result(timeout=PATIENCE)
        async with self.app(app.settings, transport=None, audience="staging") as staging:
            away = await staging.dispatch(self.workflow, "staged")
            await away.terminate()
        self.done.clear()
        return {
            "another run": await message_of(app, done, 1),
            "another position": await message_of(app, done, 2),
            "another environment": await message_of(app, away, 1),
        }


async def message_of(app: Paigeant, run: Run, position: int) -> bytes:
    found = await app.store.get_message(HopKey(run.workflow_id, "", position))
    assert found is not None
    return found


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


@pytest.fixture(params=["redis", "rabbitmq"])
async def corner(request: pytest.FixtureRequest, new_postgres: Callable[[], str]) -> Corner:
    """A broker that can be reached behind Paigeant's back; nobody works on it yet."""
    if request.param == "redis":
        return await over_redis(new_postgres(), request.getfixturevalue("redis_corner"))
    return await over_rabbitmq(new_postgres(), request.getfixturevalue("rabbitmq"))


async def test_forged_messages_on_a_broker_are_kept_with_their_reasons_and_every_run_completes(
    forge: Forge, corner: Corner
):
    async with forge.app(corner.settings) as app:
        others = await forge.others(app)
        runs = [await app.dispatch(forge.workflow, f"mine {number}") for number in range(5)]
        made: dict[bytes, tuple[str, Run]] = {}
        for run in runs[:2]:  # two of them: a stranger knows more than one run
            for name, body in forgeries(await message_of(app, run, 1), others, forge.keys).items():
                made.setdefault(body, (name, run))
        strange = signed_by_others(await message_of(app, runs[2], 1), partial(forge.codec, app.settings))
        made |= {body: (name, runs[2]) for name, body in strange.items()}
        for body, (_, run) in made.items():
            await corner.throw(body, f"{run.workflow_id}:1")

        async with app.worker():
            ends = [await run.result(timeout=PATIENCE) for run in runs]
            found = dict[bytes, DeadLetter]()
            kept = [body for body, (name, _) in made.items() if not is_passed(name)]

            async def missing() -> set[str]:
                found.update({one.body: one for one in (await app.store.list_dead_letters(limit=1000)).dead_letters})
                return {made[body][0] for body in kept if not _is_kept(body, found)}

            async def is_complete() -> bool:
                return not await missing()

            try:
                await eventually(is_complete, within=20)
            except AssertionError:
                raise AssertionError(f"not kept: {await missing()}") from None

    assert [(end.status, end.output) for end in ends] == [
        (RunStatus.COMPLETED, f"mine {number}") for number in range(5)
    ]
    assert sorted(forge.done) == sorted(f"mine {number}" for number in range(5) for _ in "12")
    for body in kept:
        name, letter = made[body][0], next(found[one] for one in found if _is_same(body, one))
        assert letter.reason is FLAWS.get(name, Flaw.FORGED), name


def _is_kept(body: bytes, found: Collection[bytes]) -> bool:
    return any(_is_same(body, one) for one in found)


def _is_same(body: bytes, kept: bytes) -> bool:
    """Tell whether this was kept of a message: all of it, or its head."""
    return kept == body or (len(body) > KEPT_BYTES and len(kept) >= LEAST and body.startswith(kept))


def is_passed(name: str) -> bool:
    """Tell whether it is a genuine message of a hop that is behind: a repeat, which says nothing new."""
    return name.startswith("the message of another")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Database:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    return Database(request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url, tell_postgres)


async def test_forged_messages_with_a_row_that_agrees_are_held_with_their_reasons_and_other_runs_go_on(
    forge: Forge, database: Database
):
    settings = Settings(store=database.url, transport=None, grace=1, lease=5)
    async with forge.app(settings) as app:
        others = await forge.others(app)
        sample = await app.dispatch(forge.workflow, "mine")
        names = forgeries(await message_of(app, sample, 1), others, forge.keys)
        runs = {name: await app.dispatch(forge.workflow, "mine") for name in names}
        for name, run in runs.items():
            body = forgeries(await message_of(app, run, 1), others, forge.keys)[name]
            replace_message(database, run, body)

        async with app.worker():
            end = await sample.result(timeout=PATIENCE)

            async def held() -> bool:
                return all([await run.status() is RunStatus.WAITING for run in runs.values()])

            await eventually(held, within=PATIENCE)
        reasons = {name: str((await run.view()).reason).partition(":")[0] for name, run in runs.items()}

    assert (end.status, forge.done) == (RunStatus.COMPLETED, ["mine", "mine"])
    assert reasons == {name: REASONS.get(name, "tampered") for name in runs}


def replace_message(database: Database, run: Run, body: bytes) -> None:
    """Put a message in the place of a run's first, with a digest that fits."""
    text = "X'{0}'" if database.is_sqlite else "decode('{0}', 'hex')"
    values = f"body = {text.format(body.hex())}, digest = {text.format(hashlib.sha256(body).hexdigest())}"
    where = "workflow_id = '{run}' AND position = 1"
    database.edit(f"UPDATE step_executions SET {values} WHERE {where}", run=run.workflow_id)

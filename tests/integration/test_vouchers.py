"""Workers whose signers vouch for them, and machines in development, execute each other's runs from one database."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityRegistry, Paigeant, RunStatus, SubWorkflow, Workflow
from paigeant.app.custody import Custody, list_published, revoke_voucher, signers_half, verify_document
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.custody.keys import StoredKey
from paigeant.model.runs import RunView
from paigeant.security.signed import SignedCodec
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice
from tests.integration.test_tampering import Database

SIGN: Final = """#!/bin/sh
echo "$1" >>{log}
case $1 in
  public-key) openssl pkey -in {key} -pubout ;;
  sign) openssl dgst -sha256 -sign {key} | base64 ;;
esac
"""

RIGHTS: Final = {
    "api": ["dispatch:*", "operate:*", "adopt"],
    "draft": ["step:draft", "dispatch:inner"],
    "review": ["step:review", "dispatch:inner"],
}


@dataclass
class Shop:
    """One database, and a folder for each of several machines, with its program that signs."""

    database: Database
    folder: Path
    done: list[str] = field(default_factory=list[str])
    registry: ActivityRegistry = field(default_factory=ActivityRegistry)

    def __post_init__(self) -> None:
        @self.registry.execute
        async def draft(payload: str) -> str:
            self.done.append(f"draft {payload}")
            return f"draft of {payload}"

        @self.registry.execute
        async def review(previous: str) -> str:
            self.done.append(f"review {previous}")
            return f"reviewed {previous}"

        del draft, review
        self.workflows = [
            Workflow("paper", ["draft", "review"]),
            Workflow("inner", ["review"]),
            Workflow("outer", ["draft", SubWorkflow("inner")]),
        ]

    async def add(self, name: str) -> None:
        """Make a key that only a program has, and publish its public half with its rights."""
        key, program = self.folder / f"{name}.pem", self.folder / name
        words = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
        await _run("openssl", *words)
        program.write_text(SIGN.format(key=key, log=self.folder / f"{name}.log"))
        program.chmod(0o700)
        entry = await signers_half(self.settings(name), name, RIGHTS[name])
        self.publish(lambda keys: keys.append(entry))

    def publish(self, change: Callable[[list[Any]], object]) -> None:
        path = self.folder / "trust"
        jwks = json.loads(path.read_text()) if path.exists() else {"keys": []}
        change(jwks["keys"])
        path.write_text(json.dumps(jwks))

    def settings(self, name: str, **more: Any) -> Settings:
        signer, trust = f"command:{self.folder / name}", str(self.folder / "trust")
        return Settings(store=self.database.url, grace=1, signing="on", signer=signer, trust=trust, **more)

    @asynccontextmanager
    async def app(self, name: str) -> AsyncIterator[Paigeant]:
        async with Paigeant(self.registry, workflows=self.workflows, settings=self.settings(name)) as app:
            yield app

    async def serve(self, run: Run, step: str, until: Callable[[RunView], bool]) -> RunView:
        """Let a new worker, vouched for to serve this step, do so until the run stands like this."""
        async with self.app(step) as app, app.worker(activities=[step]):
            return await standing(app, run, until)

    def asked(self, name: str) -> list[str]:
        """Return what the program was asked for."""
        return (self.folder / f"{name}.log").read_text().split()


async def _run(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


async def standing(app: Paigeant, run: Run, until: Callable[[RunView], bool]) -> RunView:
    found = await app.run(run.workflow_id).view()

    async def ask() -> bool:
        nonlocal found
        found = await app.run(run.workflow_id).view()
        return until(found)

    await eventually(ask, within=30)
    return found


def over(view: RunView) -> bool:
    return view.status.final


def held(view: RunView) -> bool:
    return view.status is RunStatus.WAITING and view.reason is not None


def at(position: int) -> Callable[[RunView], bool]:
    return lambda view: any(hop.position == position for hop in view.journey)


@pytest.fixture
async def shop(tmp_path: Path, tell_postgres: Any) -> Shop:
    made = Shop(Database(f"sqlite:///{tmp_path}/shop.db", tell_postgres), tmp_path)
    for name in RIGHTS:
        await made.add(name)
    return made


async def keys_in(app: Paigeant) -> list[StoredKey]:
    return await app.store.list_keys()


async def test_workers_that_have_no_key_of_their_own_execute_a_run_and_anybody_verifies_it(shop: Shop):
    """By the key set and the store; and, of what was exported, by the key set alone."""
    async with shop.app("api") as api:
        run = await api.dispatch("paper", "mine")
        await shop.serve(run, "draft", at(2))
        view = await shop.serve(run, "review", over)
        found = await audit_twice(api, run.workflow_id)
        made = await Custody(api).export(run.workflow_id)
        rows = {json.loads(key.text)["may"][0]: key for key, _ in await keys_in(api)}

    assert view.status is RunStatus.COMPLETED
    assert (found.verdict, found.keys) == ("intact", ("api", "draft", "review"))
    assert [hop["signed_by"] for hop in found.hops] == ["api", "draft", "review"]
    assert set(rows) == {"dispatch:paper", "step:draft", "step:review"}
    assert shop.asked("draft") == [
        "public-key",
        "public-key",
        "sign",
    ]  # once for all its hops; once as it was published
    audit = verify_document(made, shop.folder / "trust", Settings())
    assert (audit.verdict, audit.broken) == ("intact", None)
    (shop.folder / "others").write_text('{"keys": []}')
    other = verify_document(made, shop.folder / "others", Settings())
    assert other.broken is not None
    assert other.broken.link == "document"


async def test_no_byte_of_evidence_can_be_changed_whoever_vouches_for_its_exporter(shop: Shop):
    async with shop.app("api") as api:
        run = await api.dispatch("paper", "mine")
        made = await Custody(api).export(run.workflow_id, values=False)

    assert b'","voucher":"' in made
    for place in range(0, len(made), 7):
        changed = bytearray(made)
        changed[place] ^= 1
        assert verify_document(bytes(changed), shop.folder / "trust", Settings()).verdict == "broken", place
    plain = made[: made.index(b'","voucher"')] + b'"}\n'
    assert verify_document(plain, shop.folder / "trust", Settings()).verdict == "broken"


async def test_a_worker_is_vouched_for_to_begin_a_child_when_it_does(shop: Shop):
    async with shop.app("api") as api:
        run = await api.dispatch("outer", "mine")
        await shop.serve(run, "draft", at(2))
        view = await shop.serve(run, "review", over)
        found = await audit_twice(api, run.workflow_id)

    assert (view.status, found.verdict) == (RunStatus.COMPLETED, "intact")


async def test_what_lies_in_the_table_is_not_believed(shop: Shop):
    """Without its voucher, or with another one in its place, what somebody has signed waits; with it, it goes on."""
    async with shop.app("api") as api:
        run, other = await api.dispatch("paper", "mine"), await api.dispatch("paper", "his")
        kept = {key.kid: key for key, _ in await keys_in(api)}
        [mine] = kept.values()
        shop.database.edit("UPDATE signing_keys SET text = replace(text, 'dispatch:paper', 'dispatch:*')")

        view = await shop.serve(run, "draft", held)
        shop.database.edit("DELETE FROM signing_keys")
        gone = await shop.serve(other, "draft", held)
        assert shop.done == []
        shop.database.edit("DELETE FROM signing_keys")
        await api.store.record_keys([mine])
        await api.run(run.workflow_id).retry()
        await shop.serve(run, "draft", at(2))

    assert view.reason == gone.reason
    assert str(view.reason).startswith("unreadable: it is signed by key")


async def test_a_key_that_was_vouched_for_is_revoked_by_its_id_and_others_of_its_issuer_go_on(shop: Shop):
    async with shop.app("api") as api, shop.app("api") as other:
        run, good = await api.dispatch("paper", "mine"), await other.dispatch("paper", "good")
        assert isinstance(api.runtime.codec, SignedCodec)
        voucher = api.runtime.codec.keyring.voucher
        assert voucher is not None
        since = datetime.now(UTC) - timedelta(minutes=1)

        await revoke_voucher(shop.settings("api"), api.store, voucher.kid, since)
        view = await shop.serve(run, "draft", held)
        await shop.serve(good, "draft", at(2))
        found = await audit_twice(other, run.workflow_id)
        with pytest.raises(ConfigError, match="nor a voucher in the store"):
            await revoke_voucher(shop.settings("api"), api.store, "nobody")

    assert view.reason == "revoked"
    assert (found.verdict, found.broken and "was revoked" in found.broken.why) == ("broken", True)


async def test_published_keys_are_listed_as_far_as_they_count(shop: Shop):
    async with shop.app("api") as api:
        await api.dispatch("paper", "mine")
        [(key, _)] = await keys_in(api)
        forged = key._replace(kid="forged")
        await api.store.record_keys([forged])
        found = {row["kid"]: row for row in await list_published(shop.settings("api"), api.store)}

    assert (found[key.kid]["iss"], found[key.kid]["may"], found[key.kid]["kind"]) == (
        *("api", ["dispatch:paper"]),
        "voucher",
    )
    assert len(found[key.kid]["issuer"]) == 43
    assert found[key.kid]["by"].endswith(f"-{os.getpid()}")
    assert found["forged"]["counts"] is False


async def test_a_signer_without_the_right_or_that_is_away_says_so_before_anything_is_done(shop: Shop):
    async with shop.app("draft") as app:
        with pytest.raises(ConfigError, match="draft may not dispatch:paper: add it to its rights"):
            await app.dispatch("paper", "mine")
        with pytest.raises(ConfigError, match="draft may not step:review"):
            async with app.worker(activities=["review"]):
                pass
        (shop.folder / "draft").write_text("#!/bin/sh\necho the service is away >&2\nexit 4\n")
    async with shop.app("draft") as app:
        with pytest.raises(Unavailable, match="draft public-key has ended with 4: the service is away"):
            async with app.worker(activities=["draft"]):
                pass
        assert (await app.runs()).runs == ()


async def test_a_worker_for_whom_nobody_vouches_any_more_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """What it did, and nobody would believe, would have to be done again."""
    prepare = SignedCodec.prepare

    async def once(self: SignedCodec, keep: Any, *rights: str) -> None:
        if not rights:
            raise Unavailable("the service is away")
        await prepare(self, keep, *rights)

    monkeypatch.setattr(SignedCodec, "prepare", once)
    async with shop.app("draft") as app, app.worker(activities=["draft"]) as worker, asyncio.timeout(20):
        await worker.drained()

    assert worker.is_draining


async def test_two_machines_in_development_execute_each_others_runs(shared_postgres: str, tmp_path: Path):
    """Each has a key in a folder of its own; in production, and where keys are configured, neither counts."""
    shop, namespace = Shop(Database(shared_postgres, _nothing), tmp_path), f"dev-{secrets.token_hex(4)}"

    def machine(name: str, **more: Any) -> Paigeant:
        (tmp_path / name).mkdir(exist_ok=True)
        settings = Settings(store=shared_postgres, namespace=namespace, grace=1, signing="on", **more)
        settings = settings.model_copy(update={"file": tmp_path / name / "paigeant.yaml"})
        return Paigeant(shop.registry, workflows=shop.workflows, settings=settings)

    async with machine("one") as one, machine("two") as two:
        run = await one.dispatch("paper", "mine")
        async with two.worker(activities=["draft"]):
            await standing(two, run, at(2))
        async with one.worker(activities=["review"]):
            view = await standing(one, run, over)
        found = await Custody(two).verify(run.workflow_id)
        kept = await keys_in(one)
        listed = await list_published(one.settings, one.store)

    folders = [tmp_path / name / ".paigeant/keys/dev.jwk" for name in ("one", "two")]
    kids = {json.loads(each.read_bytes())["kid"] for each in folders}
    assert (view.status, found.verdict) == (RunStatus.COMPLETED, "intact")
    assert len(kids) == 2
    assert {key.kid for key, _ in kept} == {row["kid"] for row in listed if row["iss"] == "development"} == kids
    assert {key.kind for key, _ in kept} == {"development"}
    assert not any('"d"' in key.text for key, _ in kept)

    async with machine("three", env="prod") as prod:
        broken = await Custody(prod).verify(run.workflow_id)
    (tmp_path / "trust").write_text('{"keys": []}')
    async with machine("four", trust=str(tmp_path / "trust")) as other:
        stranger = await Custody(other).verify(run.workflow_id)
    for audit in (broken, stranger):
        assert audit.broken is not None
        assert "not trusted here" in audit.broken.why


def _nothing(*_: Any, **__: Any) -> None: ...

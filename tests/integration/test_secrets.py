"""Workers with keys of their own read what their steps may read, and what somebody has moved or altered is held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, Run, RunStatus, Wait, Workflow
from paigeant.app.custody import Custody
from paigeant.config import Settings
from paigeant.errors import ConfigError, InvalidInput
from paigeant.model.runs import RunView
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.sealing.jwe import EncryptionKey
from paigeant.testing.waiting import eventually
from tests.integration.test_tampering import Database

SECRETS = {"card": ["charge"], "token": ["charge", "ship"]}
INPUT = {"card": "4111-1111", "item": "tea"}


class Shop:
    """Three steps, a key for each of two of them, and one that signs for all."""

    def __init__(self, folder: Path, signing: str) -> None:
        self.folder, self.signing = folder, signing
        self.database = Database(f"sqlite:///{folder}/paigeant.db", lambda _: None)
        self.got: list[Any] = []
        self.before: list[Wait] = []
        self.registry = ActivityRegistry()
        keys = {name: EncryptionKey.generate() for name in ("charge", "ship")}
        signer = SigningKey.generate()
        for name, key in {**keys, "signer": signer}.items():
            assert write_key(folder / name, key)
        may = {name: _trusted(key.public_jwk, f"read:{name}") for name, key in keys.items()}
        may["signer"] = _trusted(signer.public_jwk, "dispatch:*", "step:*", "operate:*")
        for left_out in ("nobody", *keys):
            several = [each for name, each in may.items() if name != left_out]
            (folder / f"trust-without-{left_out}").write_text(json.dumps({"keys": several}))

        @self.registry.execute("token")
        async def token(item: str) -> str:
            self.got.append(item)
            return f"token of {item}"

        @self.registry.execute("charge")
        async def charge(card: str, token: str) -> str:
            self.got.append((card, token))
            return "paid"

        @self.registry.execute("ship")
        async def ship(payload: dict[str, str], token: str) -> str:
            self.got.append((payload, token))
            return "sent"

    def app(self, key: str | None = None, without: str = "nobody") -> Paigeant:
        signs = {"signing_key": str(self.folder / "signer")} if self.signing == "on" else {}
        settings = Settings(
            store=self.database.url,
            grace=1,
            lease=5,
            signing="on" if self.signing == "on" else "off",
            trust=str(self.folder / f"trust-without-{without}"),
            secret_key=None if key is None else str(self.folder / key),
            **signs,  # pyright: ignore[reportArgumentType]
        )
        flow = Workflow("flow", [*self.before, "token", "charge", "ship"], secrets=SECRETS)
        return Paigeant(self.registry, workflows=[flow], settings=settings)

    @property
    def database_bytes(self) -> bytes:
        """The database with what is not yet in its main file."""
        return b"".join(path.read_bytes() for path in self.folder.glob("paigeant.db*") if path.is_file())

    async def serve(self, run: Run[Any], key: str | None, *steps: str, without: str = "nobody") -> RunView:
        """Let a worker with this key serve steps until the run waits, has ended, or has come to another's step."""
        async with self.app(key, without) as app, app.worker(activities=steps):
            found = await app.run(run.workflow_id).view()

            async def ask() -> bool:
                nonlocal found
                found = await app.run(run.workflow_id).view()
                return (
                    found.status.final
                    or (found.reason or "unserved") != "unserved"
                    or (bool(found.steps) and found.steps[-1].step not in steps)
                )

            await eventually(ask, within=20)
            return found

    async def retry(self, run: Run[Any]) -> None:
        async with self.app() as app:
            await app.run(run.workflow_id).retry()


def _trusted(jwk: dict[str, Any], *may: str) -> dict[str, Any]:
    return {**jwk, "paigeant": {"iss": "shop", "may": list(may)}}


@pytest.fixture(params=["on", "off"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return Shop(tmp_path, request.param)


async def test_each_worker_reads_with_its_own_key_and_waits_without_it(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async with shop.app() as app:  # a dispatcher needs no key of its own
        run = await app.dispatch("flow", INPUT)

    await shop.serve(run, None, "token")  # nor does a step that makes a secret
    view = await shop.serve(run, "ship", "charge")
    assert (view.status, shop.got) == (RunStatus.WAITING, ["tea"])
    assert view.reason == (
        "unreadable: step 'charge', secret 'card': it is sealed to other keys than that of this process; "
        "have a worker run it whose PAIGEANT_SECRET_KEY may read:charge"
    )
    warned = (
        "workflow 'flow': step 'charge' reads secrets, and this worker may not read:charge: its key has not that right"
    )
    assert warned in caplog.text
    assert "step 'token' reads" not in caplog.text
    await shop.retry(run)
    view = await shop.serve(run, None, "charge")
    assert "set PAIGEANT_SECRET_KEY to a key file" in (view.reason or "")

    await shop.retry(run)
    caplog.clear()
    await shop.serve(run, "charge", "charge")
    assert "reads secrets" not in caplog.text
    view = await shop.serve(run, "ship", "ship")

    assert (view.status, view.output) == (RunStatus.COMPLETED, "sent")
    assert shop.got[1:] == [("4111-1111", "token of tea"), ({"card": "***", "item": "tea"}, "token of tea")]
    assert [step.attempt for step in view.steps] == [1, 1, 1]
    if shop.signing == "on":
        async with shop.app() as app:
            audit = await Custody(app).verify(run.workflow_id)
            assert audit.verdict == "intact", audit


@pytest.mark.parametrize("shop", ["off"], indirect=True)
async def test_nothing_is_dispatched_and_no_step_begun_whose_secrets_nobody_could_read(shop: Shop) -> None:
    async with shop.app(without="charge") as app:
        with pytest.raises(
            ConfigError, match="the secret 'card' cannot be sealed: no key that is trusted here may read:charge"
        ):
            await app.dispatch("flow", INPUT)
        assert (await app.runs()).runs == ()
    async with shop.app() as app:
        run = await app.dispatch("flow", INPUT)

    view = await shop.serve(run, None, "token", without="ship")

    assert (view.status, shop.got) == (RunStatus.WAITING, [])
    assert (view.reason or "").startswith(
        "unreadable: step 'token': its output, the secret 'token': no key that is trusted here may read:ship: add a key"
    )


async def test_a_secret_of_another_run_is_not_opened_and_the_run_goes_on_once_it_is_mended(shop: Shop) -> None:
    async with shop.app() as app:
        mine, other = [await app.dispatch("flow", {**INPUT, "item": item}) for item in ("tea", "gold")]
    for run in (mine, other):
        await shop.serve(run, None, "token")
    ids = {"run": mine.workflow_id, "other": other.workflow_id}
    row = "UPDATE step_executions SET output = {0} WHERE workflow_id = '{{run}}' AND position = 1"
    kept = "(SELECT output FROM step_executions WHERE workflow_id = '{{{0}}}' AND position = 1)"
    copy = "CREATE TABLE kept AS SELECT output FROM step_executions WHERE workflow_id = '{run}' AND position = 1"

    shop.database.edit(copy, row.format(kept.format("other").replace("{{", "{").replace("}}", "}")), **ids)
    view = await shop.serve(mine, "charge", "charge")

    assert (view.status, view.reason) == (RunStatus.WAITING, "tampered")
    why = view.steps[-1].errors[-1].message
    assert why.startswith(
        "variable 'token'" if shop.signing == "on" else "step 'charge', secret 'token': it was sealed for"
    )
    assert "token of tea" not in repr(shop.got)

    shop.database.edit(row.format("(SELECT output FROM kept)"), **ids)
    await shop.retry(mine)
    await shop.serve(mine, "charge", "charge")
    assert shop.got[-1] == ("4111-1111", "token of tea")


async def test_a_secret_that_a_person_sends_is_signed_as_it_is_sealed(shop: Shop) -> None:
    shop.before = [Wait("card")]
    async with shop.app() as app:
        run = await app.dispatch("flow", {"item": "tea"})
        await run.signal("card", "4111-1111")
        assert b"4111-1111" not in shop.database_bytes
    sent = "UPDATE workflow_variables SET value = replace(value, '{1}', '{0}') WHERE name = 'card'"

    await shop.serve(run, None, "token")
    shop.database.edit(sent.format("cyphertext", "ciphertext"))
    view = await shop.serve(run, "charge", "charge")
    assert (view.status, view.reason) == (RunStatus.WAITING, "tampered"), view
    shop.database.edit(sent.format("ciphertext", "cyphertext"))
    await shop.retry(run)
    await shop.serve(run, "charge", "charge")

    assert shop.got[-1] == ("4111-1111", "token of tea")
    await shop.serve(run, "ship", "ship")
    if shop.signing == "on":
        async with shop.app() as app:
            assert (await Custody(app).verify(run.workflow_id)).verdict == "intact"


@pytest.mark.parametrize("shop", ["on"], indirect=True)
async def test_whoever_cannot_read_what_is_secret_sends_nothing_in_clear(shop: Shop) -> None:
    shop.before = [Wait("card")]
    async with shop.app() as app:
        run = await app.dispatch("flow", {"item": "tea"})
    shop.signing = "off"
    async with shop.app() as app:
        with pytest.raises(InvalidInput, match="whether the value is a secret is not known: a message of the run"):
            await app.run(run.workflow_id).signal("card", "4111-1111")
    assert b"4111-1111" not in shop.database_bytes

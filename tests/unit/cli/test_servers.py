"""A server that is away, or that will not let anybody in, is one clear line, whichever command it is said to."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url

from chaos.servers.postgres import Postgres
from chaos.servers.redis import RedisServer
from paigeant import Paigeant
from paigeant.config import Settings
from tests.unit.cli.conftest import Ended

SECRET = "hunter2"
COMMANDS = (("runs",), ("dispatch", "hello", "input.json"), ("db", "upgrade"), ("doctor",), ("run", "handlers.py"))
HANDLERS = "from paigeant import activity\n\n\n@activity.execute()\ndef greet() -> None: ...\n"
WORKFLOWS = "workflows: {hello: [{activity: greet, elsewhere: true}]}\n"
RULES = """
host     all  paigeant,crowd,reader,guest,clerk  127.0.0.1/32  trust
hostssl  all  secure                             127.0.0.1/32  trust
host     all  locked                             127.0.0.1/32  scram-sha-256
"""
ROLES = f"""
CREATE ROLE crowd LOGIN CONNECTION LIMIT 0;
CREATE ROLE reader LOGIN;
ALTER ROLE reader SET default_transaction_read_only = on;
GRANT pg_read_all_data, pg_write_all_data TO reader;
CREATE ROLE guest LOGIN;
CREATE ROLE clerk LOGIN;
GRANT USAGE ON SCHEMA paigeant TO clerk;
GRANT SELECT ON ALL TABLES IN SCHEMA paigeant TO clerk;
CREATE ROLE secure LOGIN SUPERUSER;
CREATE ROLE locked LOGIN PASSWORD '{SECRET}-other';
CREATE DATABASE empty;
CREATE DATABASE older TEMPLATE postgres;
CREATE DATABASE newer TEMPLATE postgres
"""

FIX, AWAY = 2, 4
CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "wrong password": ({"username": "locked"}, FIX, "user name or password are wrong"),
    "unknown user": ({"username": "stranger"}, FIX, "does not let this user in"),
    "nobody listens": ({"port": 1}, AWAY, "does not answer"),
    "no such host": ({"host": "nowhere.invalid"}, AWAY, "does not answer"),
    "TLS that the server demands": (
        {"username": "secure", "query": {"sslmode": "disable"}},
        FIX,
        "not without TLS: try ?sslmode=require",
    ),
    "a certificate that nobody knows": ({"query": {"sslmode": "verify-full"}}, FIX, "root certificate"),
    "no such database": ({"database": "nothing"}, FIX, "no such database: create it"),
    "too many connections": ({"username": "crowd"}, AWAY, "too many connections"),
    "a newer schema": ({"database": "newer"}, FIX, "made by a newer one"),
    "an older schema": ({"database": "older"}, FIX, "run `paigeant db upgrade`"),
    "no schema": ({"database": "empty"}, FIX, "no schema yet: run `paigeant db upgrade`"),
    "no rights": ({"username": "guest"}, FIX, "permission denied for "),
}


def certificate(folder: Path) -> None:
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=nobody -keyout server.key -out server.crt"
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    for path in (folder / "server.key", folder / "server.crt"):
        path.chmod(0o600)
        shutil.chown(path, (folder / "PG_VERSION").owner())


class Strict(Postgres):
    """A server that is not at everybody's service."""

    settings = (*Postgres.settings, "ssl=on")

    async def prepare(self) -> None:
        await super().prepare()
        certificate(self.folder / "data")
        (self.folder / "data" / "pg_hba.conf").write_text(RULES)

    async def open(self) -> None:
        await self.prepare()
        await self.start()
        await Paigeant(settings=Settings(store=self.url)).administration.upgrade_schema()
        await self.tell("postgres", *ROLES.split(";\n"))
        for database, version in (("older", "0001"), ("newer", "9999")):
            await self.tell(database, f"UPDATE paigeant.paigeant_version SET version_num = '{version}'")

    async def tell(self, database: str, *statements: str) -> None:
        connection = await asyncpg.connect(self.url, database=database)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()


@pytest.fixture(scope="module")
def strict(new_open_folder: Callable[[], Path]):
    made = Strict(new_open_folder())
    try:
        asyncio.run(made.open())
        yield make_url(made.url).set(password=SECRET)
    finally:
        asyncio.run(made.stop())


@pytest.fixture
def said(paigeant: Callable[..., Ended], tmp_path: Path) -> Callable[..., Ended]:
    """Return what runs a command: a worker as a process of its own, anything else in this one."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    (tmp_path / "input.json").write_text("{}")
    (tmp_path / "paigeant.yaml").write_text(WORKFLOWS)

    def said(*words: str, **settings: str) -> Ended:
        if words[0] != "run":
            return paigeant(*words, **settings)
        environment = os.environ | {f"PAIGEANT_{name.upper()}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "paigeant", *words]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=50, check=False
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return said


def is_one_clear_line(ended: Ended, words: tuple[str, ...], code: int, text: str) -> None:
    everything = ended.stdout + ended.stderr
    assert ended.code == code, everything
    assert text in everything
    assert "Traceback" not in everything
    assert SECRET not in everything
    if words[0] != "doctor":  # which has other things to say, too
        assert ended.stdout == ""
        assert ended.stderr.startswith("error: ")
        assert len(ended.stderr.splitlines()) == 1


UPGRADED = {"an older schema", "no schema"}
"""What `db upgrade` is for."""


WORKER = ("run", "handlers.py")
STARTS = {
    "wrong password",
    "an older schema",
    "no rights",
    "Redis with a wrong one",
    "no Redis",
    "a wrong virtual host",
    "no RabbitMQ",
}
"""Where a worker is tried too: it is a process of its own each time. The other cases try it in the slow tests."""


def tried(case: str, words: tuple[str, ...]) -> Any:
    return pytest.param(case, words, marks=pytest.mark.slow if words == WORKER and case not in STARTS else ())


def cases() -> Iterator[Any]:
    for case in CASES:
        for words in COMMANDS:
            if words != ("db", "upgrade") or case not in UPGRADED:
                yield tried(case, words)


@pytest.mark.parametrize(
    ("case", "words"),
    list(cases()),
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)
def test_what_is_wrong_with_postgresql_is_told(
    strict: Any, said: Callable[..., Ended], case: str, words: tuple[str, ...]
):
    parts, code, text = CASES[case]

    # Not with TLS, but where it matters: the farewell of a refused connection would outlast the command's event loop.
    url = strict.set(**{"query": {"sslmode": "disable"}} | parts).render_as_string(hide_password=False)

    is_one_clear_line(said(*words, store=url), words, code, text)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("dispatch", "hello", "input.json"), AWAY, "read-only transaction"),  # as a standby, until it is promoted
        (("run", "handlers.py"), FIX, "takes no writes: ALTER ROLE reader SET"),
    ],
    ids=["dispatch", "run"],
)
def test_a_server_that_only_reads_is_told(
    strict: Any, said: Callable[..., Ended], words: tuple[str, ...], code: int, text: str
):
    url = strict.set(username="reader").render_as_string(hide_password=False)

    is_one_clear_line(said(*words, store=url), words, code, text)


@pytest.mark.parametrize(
    "words",
    [("dispatch", "hello"), ("prune", "--older-than", "30d", "--yes"), ("tokens", "create", "x", "--role", "viewer")],
    ids=" ".join,
)
def test_a_right_that_is_lacking_is_named_and_no_outage(
    strict: Any, said: Callable[..., Ended], caplog: pytest.LogCaptureFixture, words: tuple[str, ...]
):
    url = strict.set(username="clerk").render_as_string(hide_password=False)

    ended = said(*words, store=url)

    is_one_clear_line(ended, words, FIX, "permission denied for table ")
    assert "let its owner grant that" in ended.stderr
    assert [line for line in caplog.messages if "connection lost" in line] == []


@pytest.fixture(scope="module")
def locked_redis(new_open_folder: Callable[[], Path]):
    made = RedisServer(new_open_folder())

    async def lock() -> None:
        await made.prepare()
        await made.start()
        await made.tell("CONFIG", "SET", "requirepass", f"{SECRET}-other")

    try:
        asyncio.run(lock())
        yield f"127.0.0.1:{made.port}"
    finally:
        asyncio.run(made.stop())


BROKERS: dict[str, tuple[str, int, str]] = {
    "Redis without a password": ("redis://{redis}", FIX, "refuses this user name or password"),
    "Redis with a wrong one": ("redis://:hunter2@{redis}", FIX, "refuses this user name or password"),
    "Redis with TLS": ("rediss://:hunter2@{redis}", AWAY, "with TLS, does not answer"),  # it waits for a line to end
    "no Redis": ("redis://:hunter2@127.0.0.1:1", AWAY, "does not answer"),
    "a wrong virtual host": ("amqp://guest:guest@{rabbitmq}/nothing", FIX, "refuses this virtual host"),
    "a wrong password": ("amqp://guest:hunter2@{rabbitmq}/", FIX, "refuses this user or password"),
    "RabbitMQ with TLS": ("amqps://guest:hunter2@{rabbitmq}/", FIX, "TLS"),
    "no RabbitMQ": ("amqp://guest:hunter2@127.0.0.1:1/", AWAY, "RabbitMQ is away"),
}


@pytest.mark.parametrize(
    ("case", "words"),
    [tried(case, words) for case in BROKERS for words in COMMANDS if words[0] in {"dispatch", "doctor", "run"}],
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)
def test_what_is_wrong_with_a_broker_is_told(
    locked_redis: str, rabbitmq: Any, said: Callable[..., Ended], case: str, words: tuple[str, ...]
):
    url, code, text = BROKERS[case]
    there = make_url(rabbitmq.url)

    transport = url.format(redis=locked_redis, rabbitmq=f"{there.host}:{there.port or 5672}")

    is_one_clear_line(said(*words, transport=transport), words, code, text)

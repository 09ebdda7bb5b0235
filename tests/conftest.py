"""The servers that the tests use: those at the usual ports, or wherever a variable says."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zlib import crc32

import aio_pika
import pytest
import structlog
from hypothesis import HealthCheck, settings
from redis import Redis
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

import paigeant.testing.contracts  # noqa: F401  (so that the asserts of the suites speak)
from paigeant.activities.secrecy.held import holds_any
from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.model.entries.entry import FLOW
from paigeant.telemetry.output import WriterHandler

POSTGRES = os.environ.get("PAIGEANT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("PAIGEANT_TEST_REDIS", "redis://127.0.0.1:6379/0")
EXAMPLES = str(Path(__file__).parents[1] / "examples")
RABBITMQ = os.environ.get("PAIGEANT_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")


def tell_postgres(*statements: str, on: str = POSTGRES) -> None:
    """Execute statements on the test server, or in one database of it, each by itself."""

    async def tell() -> None:
        url = make_url(on).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                for statement in statements:
                    await connection.execute(text(statement))
        finally:
            await engine.dispose()

    with ThreadPoolExecutor(1) as thread:  # of its own, for it may be asked from within an event loop
        thread.submit(asyncio.run, tell()).result()


settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")  # where a pause of a second says nothing about the test


def pytest_configure() -> None:
    """Let what the tests start be signalled, also where they run in the background, or under nohup: there it is not."""
    gc.disable()  # until all tests are collected: what is loaded stays
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what is loaded by now: looking at it again and again took a sixth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


ALONE, SERVED = ("memory", "sqlite", "postgresql"), ("postgres", "redis+postgres", "rabbitmq+postgres")
"""A test runs over one of each. As ``postgresql`` tests name it where they edit a database behind the store's back."""
LONG = ("test_long_lists", "test_interrupting", "test_sub_workflows", "test_forking")
"""Of these the pairs of a store and a broker are in the slow tests: shorter ones go the same ways over a broker."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test of every backend run over one without a server and one with, and leave the others to the slow tests.

    Which ones is chosen by a checksum of its name: all tests together meet every backend.
    """
    choices: dict[tuple[str, bool], list[tuple[str, pytest.Item]]] = {}
    for item in items:
        backend = backend_of(item)
        if backend is None or item.get_closest_marker("slow") is not None:
            continue
        if item.path.stem in LONG and "+" in backend:
            item.add_marker(pytest.mark.slow)
        else:
            name = item.nodeid.replace(backend, "")
            choices.setdefault((name, backend in SERVED), []).append((backend, item))
    for (name, _), there in choices.items():
        chosen = sorted(there, key=lambda each: each[0])[crc32(name.encode()) % len(there)]
        for each in there:
            if each is not chosen:
                each[1].add_marker(pytest.mark.slow)


def backend_of(item: pytest.Item) -> str | None:
    """Return the backend that a test of the specification, or with several processes, was made for."""
    if not item.nodeid.startswith(("tests/specification/", "tests/integration/")):
        return None
    values = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    return next((each for each in values if isinstance(each, str) and each in {*ALONE, *SERVED}), None)


@pytest.fixture(autouse=True)
def no_module_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the modules that a test made, or took from an example: the next one may have others of the same name."""
    before, bases = set(sys.modules), (str(tmp_path_factory.getbasetemp()), EXAMPLES)
    yield
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(str(place).startswith(bases) for place in places):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def no_log_stays() -> Iterator[None]:
    """Stop the log that a test has started in this process: it would write all lines of those that follow."""
    yield
    root = logging.getLogger()
    started = [handler for handler in root.handlers if isinstance(handler, WriterHandler)]
    for handler in started:
        root.removeHandler(handler)
        handler.close()
    if started:
        root.setLevel(logging.WARNING)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()


@pytest.fixture(autouse=True)
def no_secret_stays() -> Iterator[None]:
    """Fail a test after which the process still holds a secret: it would be masked in all that follows."""
    yield
    assert not holds_any()


@pytest.fixture(name="tell_postgres")
def tell_postgres_() -> Callable[..., None]:
    """Return what executes statements on the test server."""
    return tell_postgres


@pytest.fixture(scope="session")
def new_open_folder() -> Iterator[Callable[[], Path]]:
    """Return a function that makes a folder for a server that is not this user's process: pytest's own are closed."""
    with ExitStack() as stack:

        def make() -> Path:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="paigeant-", ignore_cleanup_errors=True)))
            folder.chmod(0o755)
            return folder

        yield make


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Return the name of a database with the schema, to be copied."""
    name = f"paigeant_template_{secrets.token_hex(6)}"
    tell_postgres(f"CREATE DATABASE {name}")
    choose_schema(Settings(store=make_url(POSTGRES).set(database=name).render_as_string(hide_password=False))).upgrade()
    yield name
    tell_postgres(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_postgres(postgres_template: str) -> Iterator[Callable[..., str]]:
    """Return a function that makes a database of the test's own and returns its URL; it is gone after the test."""
    with ExitStack() as stack:

        def make(*, empty: bool = False) -> str:
            name = f"paigeant_test_{secrets.token_hex(6)}"
            tell_postgres(f"CREATE DATABASE {name}" + ("" if empty else f" TEMPLATE {postgres_template}"))
            stack.callback(tell_postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)

        yield make


@pytest.fixture(scope="session")
def shared_postgres(postgres_template: str) -> Iterator[str]:
    """Return the URL of a database that many tests share, each with namespaces of its own."""
    name = f"paigeant_shared_{secrets.token_hex(6)}"
    tell_postgres(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    tell_postgres(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class RabbitCorner:
    """A test's own corner of the RabbitMQ server: namespaces that nobody else has."""

    url: str
    name: str
    spaces: set[str] = field(default_factory=set)
    topics: Iterable[str] = field(default_factory=set)
    """Which queues are to be deleted after the test."""

    def space(self, name: str = "default") -> str:
        """Return a namespace of the test's own."""
        self.spaces.add(name)
        return f"{self.name}-{name}"

    def queues(self) -> list[str]:
        """Return the names of all queues that there may be."""
        starts = [f"paigeant:{self.space(name)}" for name in sorted(self.spaces)]
        ends = ["dead", *(f"q:{topic}" for topic in sorted({*self.topics, FLOW}))]
        return [f"{start}:{end}" for start in starts for end in ends]

    async def delete(self, *queues: str) -> None:
        """Delete queues, whether they are there or not."""
        async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
            for queue in queues:
                await channel.queue_delete(queue)


@pytest.fixture
def rabbitmq() -> Iterator[RabbitCorner]:
    """Return the test's own corner of the RabbitMQ server; its queues are gone after the test."""
    corner = RabbitCorner(RABBITMQ, secrets.token_hex(6))
    yield corner
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, corner.delete(*corner.queues())).result()


class RedisCorner(NamedTuple):
    """A test's own corner of the Redis server: the namespace ``name``, and all that end in it."""

    url: str
    name: str


@pytest.fixture
def redis_corner() -> Iterator[RedisCorner]:
    """Return the test's own corner of the Redis server; its keys are gone after the test."""
    corner = RedisCorner(REDIS, secrets.token_hex(6))
    yield corner
    with Redis.from_url(REDIS) as redis:
        for key in redis.scan_iter(f"pg:{{*{corner.name}}}:*"):
            redis.delete(key)


@pytest.fixture
def surroundings(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Return what makes a backend of the test's own, as ``redis+postgres``, and gives the variables that name it."""

    def make(backend: str, *topics: str) -> dict[str, str]:
        broker, _, store = backend.rpartition("+")
        sqlite = f"sqlite:///{tmp_path}/paigeant.db"
        where = {"PAIGEANT_STORE": sqlite if store == "sqlite" else request.getfixturevalue("new_postgres")()}
        if broker == "redis":
            corner = request.getfixturevalue("redis_corner")
            where |= {"PAIGEANT_TRANSPORT": corner.url, "PAIGEANT_NAMESPACE": corner.name}
        elif broker:
            rabbitmq = request.getfixturevalue("rabbitmq")
            rabbitmq.topics = set(topics)
            where |= {"PAIGEANT_TRANSPORT": rabbitmq.url, "PAIGEANT_NAMESPACE": rabbitmq.space()}
        return where

    return make

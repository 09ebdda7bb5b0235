"""The dead are known at once, once, and the living are never taken for dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest

from paigeant.model.plan import WorkerCard
from paigeant.model.stored.claims import Due
from paigeant.sql.sqlite.process_locks import ProcessLocks
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import new_run

HOLDER = """
import sys
from pathlib import Path
from paigeant.sql.sqlite.process_locks import ProcessLocks
presence = ProcessLocks(Path(sys.argv[1]))
presence.prepare()
presence.mark_alive(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "paigeant.db"


@pytest.fixture
def here(database: Path) -> Iterator[ProcessLocks]:
    presence = ProcessLocks(database)
    presence.prepare()
    yield presence
    presence.close()


@contextmanager
def holding(database: Path, owner: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(database), owner]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_one_who_lives_is_not_dead(here: ProcessLocks, database: Path):
    with holding(database, "other"):
        assert here.dead() == []


def test_one_who_was_killed_is_dead_until_buried(here: ProcessLocks, database: Path):
    with holding(database, "other") as process:
        process.kill()
        process.wait()

        assert here.dead() == ["other"]
        assert here.dead() == []  # it is being seen to
        here.forget("other", done=False)
        assert here.dead() == ["other"]
        here.forget("other", done=True)
        assert here.dead() == []


def test_one_who_looks_sees_who_is_gone_and_changes_nothing(here: ProcessLocks, database: Path):
    with holding(database, "lives"), holding(database, "dead") as process:
        process.kill()
        process.wait()

        assert here.gone() == {"dead"}
        assert here.gone() == {"dead"}
        assert here.dead() == ["dead"]


def test_one_who_begins_while_others_look_has_its_lock_all_the_same(here: ProcessLocks, database: Path):
    other, stop = ProcessLocks(database), threading.Event()

    def look() -> None:
        while not stop.is_set():
            other.gone()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for number in range(200):
            here.mark_alive(f"owner-{number}")
        assert other.gone() == set()
    finally:
        stop.set()
        looking.join()


def test_only_one_sees_to_a_dead_one(here: ProcessLocks, database: Path):
    there = ProcessLocks(database)
    with holding(database, "other") as process:
        process.kill()
        process.wait()

        assert here.dead() == ["other"]
        assert there.dead() == []


def test_one_does_not_take_oneself_for_dead(here: ProcessLocks):
    here.mark_alive("me")
    here.mark_alive("me")

    assert here.dead() == []


def test_one_who_closed_is_gone(here: ProcessLocks, database: Path):
    there = ProcessLocks(database)
    there.mark_alive("other")
    assert here.dead() == []

    there.close()

    assert here.dead() == ["other"]


FORKING = """
import os, sys, time
from pathlib import Path
from paigeant.sql.sqlite.process_locks import ProcessLocks
locks = ProcessLocks(Path(sys.argv[1]))
locks.prepare()
locks.mark_alive("forking")
child = os.fork()
if child == 0:
    os.close(1)
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
sys.stdin.read()
"""


def test_a_child_that_a_worker_forked_does_not_keep_it_alive(here: ProcessLocks, database: Path):
    command = [sys.executable, "-c", FORKING, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            assert here.dead() == []

            process.kill()
            process.wait()

            end = monotonic() + 10
            while here.dead() != ["forking"]:  # the child lets go as it begins to run, which may take its time
                assert monotonic() < end
                sleep(0.01)
        finally:
            os.kill(child, signal.SIGKILL)


def test_work_that_is_done_alone_is_done_by_one_at_a_time(here: ProcessLocks, database: Path):
    held = "import fcntl, os, sys\nfd = os.open(sys.argv[1], os.O_RDWR)\nfcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with here.alone("checkpoint", patience=0):
        lock = database.with_name("paigeant.db.workers") / "checkpoint"
        other = subprocess.run([sys.executable, "-c", held, lock], capture_output=True, text=True, check=False)

    assert "BlockingIOError" in other.stderr


async def test_leases_of_a_dead_owner_end_at_once_in_all_namespaces(database: Path):
    hour = timedelta(hours=1)
    url = f"sqlite:///{database}"
    async with SqliteStore(url) as here, SqliteStore(url, namespace="elsewhere") as elsewhere:
        async with SqliteStore(url, namespace="elsewhere") as dying:
            await dying.record_workflow_start([new_run("draft")])
            assert len(await dying.claim("owner-1", Due(["draft"]), 1, hour)) == 1
            assert await here.end_dead_leases("owner-2") == 0
        assert await elsewhere.claim("owner-3", Due(["draft"]), 1, hour) == []

        assert await here.end_dead_leases("owner-2") == 1

        [grant] = await elsewhere.claim("owner-3", Due(["draft"]), 1, hour)
        assert (grant.attempt, grant.interrupted) == (2, True)
        assert await here.end_dead_leases("owner-2") == 0


async def test_a_dead_worker_is_not_listed_whether_or_not_another_one_is_up(database: Path):
    url, card = f"sqlite:///{database}", WorkerCard("owner-1", "here", 1, ("draft",), ())
    async with SqliteStore(url) as reader:
        async with SqliteStore(url) as dying:
            await dying.record_workflow_start([new_run("draft")])
            await dying.claim("owner-1", Due(["draft"]), 1, timedelta(hours=1))
            await dying.report_worker(card)
            assert await reader.list_workers() == [card]

        assert await reader.list_workers() == []
        assert await reader.find_unserved() == {"draft"}
        await reader.end_dead_leases("owner-2")
        assert await reader.list_workers() == []

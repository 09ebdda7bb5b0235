"""A database that is not as it should be is found out, with what to do about it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import make_url

from paigeant.model.checks.findings import Finding, Severity
from paigeant.sql import checks
from paigeant.sql.postgres import checks as server_checks
from paigeant.sql.sqlite import checks as file_checks
from paigeant.stores.postgresql import PostgresStore
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.checks import is_useful

Tell = Callable[..., None]


async def find(store: PostgresStore | SqliteStore) -> dict[str, Finding]:
    async with store:
        return {finding.about: finding for finding in await store.examine()}


def bad(found: dict[str, Finding]) -> list[str]:
    return [about for about, finding in found.items() if finding.severity is not Severity.OK]


class Usage(NamedTuple):
    free: int


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(20 * 1024 * 1024))

    found = await find(SqliteStore(f"sqlite:///{tmp_path}/paigeant.db"))

    assert bad(found) == ["room"]
    assert "20 on the disk" in found["room"].said


async def test_a_file_that_lies_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(file_checks, "file_system", lambda _: "tmpfs")

    found = await find(SqliteStore(f"sqlite:///{tmp_path}/paigeant.db"))

    assert bad(found) == ["disk"]
    assert found["disk"].judged("prod").severity is Severity.PROBLEM


async def test_a_file_that_this_user_may_not_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda place, _: Path(place) != tmp_path)

    found = await find(SqliteStore(f"sqlite:///{tmp_path}/paigeant.db"))

    assert bad(found) == ["rights"]
    assert found["rights"].said == f"this user may not write to {tmp_path}"
    assert "commit" not in found


async def test_a_clock_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks, "_APART", 0.0)

    assert bad(await find(SqliteStore(f"sqlite:///{tmp_path}/paigeant.db"))) == ["clock"]


async def test_commits_that_take_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks, "_SLOW", 0.0)

    assert bad(await find(SqliteStore(f"sqlite:///{tmp_path}/paigeant.db"))) == ["commit"]


@pytest.fixture
def postgres(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


@pytest.fixture
def user(postgres: str, tell_postgres: Tell) -> Iterator[str]:
    """The name of a user who may connect and do nothing else."""
    name = f"paigeant_test_{secrets.token_hex(6)}"
    tell_postgres(f"CREATE ROLE {name} LOGIN")
    yield name
    tell_postgres(f"DROP OWNED BY {name}", on=postgres)
    tell_postgres(f"DROP ROLE {name}")


def as_user(url: str, user: str) -> PostgresStore:
    return PostgresStore(make_url(url).set(username=user, password=None).render_as_string(hide_password=False))


async def test_a_server_that_is_as_it_should_be(postgres: str):
    async with PostgresStore(postgres) as store:
        assert is_useful(await store.examine())


@pytest.mark.parametrize("setting", ["synchronous_commit"])
async def test_a_server_that_may_forget(postgres: str, tell_postgres: Tell, setting: str):
    tell_postgres(f"ALTER DATABASE {make_url(postgres).database} SET {setting} = off")

    found = await find(PostgresStore(postgres))

    assert bad(found) == ["durable"]
    assert found["durable"].fix == f"set {setting} = on"
    assert found["durable"].judged("prod").severity is Severity.PROBLEM


async def test_a_server_that_takes_no_writes(postgres: str, tell_postgres: Tell):
    tell_postgres(f"ALTER DATABASE {make_url(postgres).database} SET default_transaction_read_only = on")

    found = await find(PostgresStore(postgres))

    assert bad(found) == ["writable"]
    assert "commit" not in found


async def test_a_user_without_rights_and_one_with_just_enough(postgres: str, user: str, tell_postgres: Tell):
    tell_postgres(
        f"GRANT USAGE ON SCHEMA paigeant TO {user}",
        f"GRANT SELECT ON paigeant.paigeant_version TO {user}",
        on=postgres,
    )
    lacking: Any = (await find(as_user(postgres, user)))["rights"]
    assert lacking.severity is Severity.PROBLEM
    assert lacking.said.startswith(f"{user} may not DELETE on access_tokens (")

    tell_postgres(lacking.fix, on=postgres)
    enough = await find(as_user(postgres, user))

    assert bad(enough) == []
    assert enough["rights"].said == f"{user} may read and write; upgrades need the tables' owner"
    assert "commit" in enough

    signed = "paigeant.records, paigeant.deeds, paigeant.signing_keys"
    tell_postgres(f"REVOKE UPDATE, DELETE ON {signed} FROM {user}", on=postgres)
    least = await find(as_user(postgres, user))
    assert bad(least) == []
    assert least["rights"].said.endswith("of what is signed it may change nothing, and so not prune")
    tell_postgres(f"REVOKE INSERT ON {signed} FROM {user}", on=postgres)
    assert (await find(as_user(postgres, user)))["rights"].said.startswith(f"{user} may not INSERT on deeds (")


async def test_a_server_that_is_too_old_or_crowded(postgres: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server_checks, "OLDEST", 99)
    monkeypatch.setattr(server_checks, "CROWDED", 0.0)

    assert bad(await find(PostgresStore(postgres))) == ["version", "connections"]

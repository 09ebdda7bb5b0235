"""What a database's error means to a person: which server is meant, what to wait for, and what to mend."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from paigeant.errors import ConfigError, InvalidInput
from paigeant.sql.execution.failures import is_of_wrong_server, translated_by_server


def answered(state: str) -> DBAPIError:
    original = Exception("no such thing")
    vars(original)["sqlstate"] = state
    return DBAPIError("SELECT 1", None, original)


@pytest.mark.parametrize("state", ["42P01", "42703"])
def test_tables_that_are_not_those_of_this_version_are_another_servers(state: str):
    error = answered(state)

    said = translated_by_server("db", error)

    assert is_of_wrong_server(error)
    assert isinstance(said, ConfigError)
    assert "run `paigeant db upgrade`" in str(said)


def test_a_text_that_no_database_has_is_an_input():
    assert isinstance(translated_by_server("db", answered("22021")), InvalidInput)


def test_a_lacking_right_is_named_with_the_statement_that_needs_it():
    original = Exception("<class 'asyncpg.exceptions.InsufficientPrivilegeError'>: permission denied for table records")
    vars(original)["sqlstate"] = "42501"

    said = translated_by_server("db", DBAPIError("DELETE FROM records", None, original))

    assert isinstance(said, ConfigError)
    assert str(said).startswith("db cannot be used: permission denied for table records (DELETE): let its owner ")

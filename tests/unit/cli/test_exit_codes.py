"""Which exit code an error ends a command with is written in one table."""

from __future__ import annotations

import pytest

from paigeant import errors
from paigeant.cli.exit_codes import exit_code_of

CODES = [
    (errors.ConfigError("x"), 2),
    (errors.UnknownScheme("x"), 2),
    (errors.HandlersError("x"), 2),
    (errors.RegistrationError("x"), 2),
    (errors.UnknownRun("x"), 2),
    (errors.UnknownVariable("x"), 2),
    (errors.InvalidInput("x"), 2),
    (errors.WrongState("x"), 2),
    (errors.RunFailed("x", workflow_id="1", status="failed"), 1),
    (errors.ResultTimeout("x"), 3),
    (errors.Unavailable("x"), 4),
    (errors.MessageRejected("x"), 1),
    (errors.PaigeantError("x"), 1),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=[type(error).__name__ for error, _ in CODES])
def test_each_kind_of_error_has_its_exit_code(error: errors.PaigeantError, code: int) -> None:
    assert exit_code_of(error) == code

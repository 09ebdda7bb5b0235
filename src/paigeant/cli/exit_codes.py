"""Exit codes of the program, and the errors that lead to each."""

from __future__ import annotations

from typing import Final

from paigeant.errors import ConfigError, PaigeantError, RegistrationError, RequestError, ResultTimeout, Unavailable

COMPLETED: Final = 0
FAILED: Final = 1
"""A run did not complete, or a check failed."""
REFUSED: Final = 2
"""Usage, input, a setting, or an unknown id."""
TIMED_OUT: Final = 3
UNAVAILABLE: Final = 4
HUNG_UP: Final = 129
"""The terminal of a worker was closed."""
INTERRUPTED: Final = 130

_CODES: Final[tuple[tuple[type[PaigeantError], int], ...]] = (
    (ConfigError, REFUSED),
    (RegistrationError, REFUSED),
    (RequestError, REFUSED),
    (ResultTimeout, TIMED_OUT),
    (Unavailable, UNAVAILABLE),
)
"""All other errors end with 1."""


def exit_code_of(error: PaigeantError) -> int:
    """Return the exit code of a command that raises this."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)

"""Translation of database errors: temporary ones become Unavailable, others ConfigError."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, InterfaceError

from paigeant.errors import ConfigError, InvalidInput, Unavailable
from paigeant.model.values.showing import shown

_MEND: Final = {
    "SQLITE_READONLY": "it, or its folder, is read-only: give this user the right to write there",
    "SQLITE_CANTOPEN": "it cannot be opened: check that its folder is there and may be written to by this user",
    "SQLITE_PERM": "this user may not open it",
    "SQLITE_NOTADB": "it is no SQLite database: point PAIGEANT_STORE at another file",
    "SQLITE_CORRUPT": "it is damaged: stop all workers and restore it, or try `sqlite3 FILE .recover`",
}
_WAIT: Final = {
    "SQLITE_BUSY": "another process has held its write lock for too long",
    "SQLITE_LOCKED": "another connection has held its lock for too long",
    "SQLITE_FULL": "the disk is full: make room, nothing is lost",
    "SQLITE_IOERR": "the disk does not answer",
    "SQLITE_NOMEM": "there is no memory left",
}


@contextmanager
def translate_errors(name: str) -> Generator[None]:
    """Translate errors of this database: ``Unavailable`` for temporary ones, ``ConfigError`` for others."""
    try:
        yield
    except (DatabaseError, UnicodeEncodeError) as error:
        raise translated(name, error) from error


def translated(name: str, error: DatabaseError | UnicodeEncodeError) -> Exception:
    """Return the error as one of ours, or unchanged if it is a bug of this program."""
    if isinstance(error, UnicodeEncodeError):
        return _no_text(error.object)
    code: str = getattr(error.orig, "sqlite_errorname", "") or ""
    for known, why in _MEND.items():
        if code.startswith(known):
            return ConfigError(f"the database {name} cannot be used: {why}")
    for known, why in _WAIT.items():
        if code.startswith(known):
            return Unavailable(f"the database {name} does not answer: {why}")
    return error


NO_RIGHT: Final = "42501"
"""SQLSTATE of a statement for which the user lacks a right."""

_REFUSED: Final = {
    "28P01": "user name or password are wrong",
    "28000": "the server does not let this user in",
    "3D000": "there is no such database: create it, as with createdb",
    **dict.fromkeys(
        ("26000", "42P05"), "a pooler mixes up its prepared statements: add ?prepared_statement_cache_size=0 to the URL"
    ),
    "42P01": "its tables are missing: run `paigeant db upgrade`",
    "42703": "its tables are of another version: run `paigeant db upgrade`",
}


@contextmanager
def translate_server_errors(name: str) -> Generator[None]:
    """Translate errors of the server at this URL: ``Unavailable`` if temporary, else ``ConfigError``."""
    try:
        yield
    except DBAPIError as error:
        raise translated_by_server(name, error) from error
    except TimeoutError as error:
        raise Unavailable(f"{name} does not answer in time") from error
    except PermissionError as error:
        if error.filename is None:
            raise Unavailable(f"{name} does not answer: {error}") from error
        cure = "let this user read it, or let HOME name a folder that it may read"
        what = f"{error.filename} cannot be read ({error.strerror})"
        raise ConfigError(f"{name} cannot be used: {what}: {cure}") from error
    except OSError as error:
        if "SSL" in str(error) or "certificate" in str(error):
            raise ConfigError(f"{name} cannot be reached with TLS as asked for: {error}") from error
        raise Unavailable(f"{name} does not answer: {error}") from error


WRONG_SERVER: Final = frozenset(
    [
        "25006",
        "57P01",
        "57P02",
        "57P03",
        "57P04",
        "57P05",
        "28P01",
        "28000",
        "3D000",
        "3F000",
        NO_RIGHT,
        "42P01",
        "42703",
    ]
)
"""SQLSTATEs of a server that is not, or not yet, the intended one: it is read-only, shuts down, starts or recovers, or
it does not have this user, its permissions, the database or the tables."""


def is_of_wrong_server(error: DBAPIError) -> bool:
    """True if the error means that another server is the intended one.

    After a failover behind one address a demoted server goes on answering on existing connections, and refuses every
    write: only a new connection finds the right one.
    """
    return (getattr(error.orig, "sqlstate", None) or "") in WRONG_SERVER


def _no_text(given: object = None) -> InvalidInput:
    """Return the error for a name that no database can store: nothing of this name exists."""
    what = "a text" if given is None else shown(given)
    return InvalidInput(
        f"{what} has a NUL or half a surrogate pair in it, as no name and no other text in the store has"
    )


def translated_by_server(name: str, error: DBAPIError) -> Exception:
    """Return the error as one of ours, or unchanged if it is a bug of this program."""
    behind: Any = getattr(error.orig, "__cause__", None)
    if (getattr(error.orig, "sqlstate", None) or "") == "22021" or isinstance(
        behind and behind.__cause__, UnicodeError
    ):
        return _no_text()
    state: str = getattr(error.orig, "sqlstate", None) or ""
    said = (str(error.orig).splitlines() or [""])[0]
    if (reason := _refusal(error, state, said)) is not None:
        return ConfigError(f"{name} cannot be used: {reason}")
    if type(getattr(error.orig, "__cause__", None)).__name__ == "ClientConfigurationError":
        return ConfigError(f"{name} cannot be used as its URL says: {said}")
    away = state.startswith(("08", "53", "57", "58")) or state == "25006"
    if away or error.connection_invalidated or isinstance(error, InterfaceError):
        return Unavailable(f"{name} does not answer: {said}")
    return error


def lacks_right(error: BaseException | None) -> bool:
    """True if the user lacks a right that the statement needs."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == NO_RIGHT


def _refusal(error: DBAPIError, state: str, said: str) -> str | None:
    """Return the reason why the server refuses, and the remedy; None if waiting may help, or for a bug."""
    if state == "28000" and "no encryption" in said:
        return f"{_REFUSED[state]}, at least not without TLS: try ?sslmode=require"
    if lacks_right(error):
        what = said.rpartition(">: ")[2]
        cure = "let its owner grant that, or take a role that has it; `paigeant doctor` lists what is lacking"
        return f"{what}{_asked_for(error)}: {cure}"
    return _REFUSED.get(state)


def _asked_for(error: DBAPIError) -> str:
    """Return the right that a statement needs, in brackets; nothing where it does not begin with its name."""
    verb = (error.statement or "").split(maxsplit=1)[:1]
    return f" ({verb[0].upper()})" if verb and verb[0].upper() in {"SELECT", "INSERT", "UPDATE", "DELETE"} else ""


def is_taken(error: DBAPIError) -> bool:
    """True if a row was refused because its key exists, in a table or a unique index."""
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", None) == "23505"

"""Column types: times that a database can compare, and values as their exact JSON text."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import TIMESTAMP, Dialect, Double, LargeBinary, Text, bindparam, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

T = TypeVar("T")
SpoiltT = TypeVar("SpoiltT")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


G_contra = TypeVar("G_contra", contravariant=True)
M_co = TypeVar("M_co", covariant=True)


class _Processor(Protocol[G_contra, M_co]):
    """Conversion of a value to its stored form, or back."""

    def __call__(self, value: G_contra) -> M_co: ...


class _Shown(threading.local):
    ahead: float = 0.0


SHOWN: Final = _Shown()
"""Offset in seconds between stored and shown times of a SQLite file, in the transaction of this thread."""


class StoreTime(TypeDecorator[datetime]):
    """Time of the store, in UTC: seconds on SQLite, which has no type for it; else ``timestamptz``.

    The seconds are those of :mod:`paigeant.sql.sqlite.clock`: since 1970, unless the machine's clock was set meanwhile.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Double
    cache_ok: bool | None = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the dialect's own type."""
        timestamptz: TypeEngine[Any] = TIMESTAMP(timezone=True)
        return dialect.type_descriptor(Double() if dialect.name == "sqlite" else timestamptz)

    def bind_processor(self, dialect: Dialect) -> _Processor[datetime | None, Any] | None:
        """Return the conversion of a time to its stored form."""
        return _seconds_of if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor[Any, datetime | None] | None:
        """Return the conversion of a stored time."""
        del coltype
        return _time_or_none if dialect.name == "sqlite" else None


def _seconds_of(value: datetime | None) -> float | None:
    return None if value is None else (value - _EPOCH).total_seconds() - SHOWN.ahead


def _time_or_none(value: float | None) -> datetime | None:
    return None if value is None else time_at(value)


def time_at(seconds: float) -> datetime:
    """Return the shown time of stored seconds in a SQLite file."""
    return _EPOCH + timedelta(seconds=seconds + SHOWN.ahead)


class Bytes(TypeDecorator[bytes]):
    """Bytes. On SQLite, whose columns accept any type, an edited text is read as its UTF-8 bytes."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = LargeBinary
    cache_ok: bool | None = True

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor[Any, bytes | None] | None:
        """Return the conversion of a stored value."""
        del coltype
        return _as_bytes if dialect.name == "sqlite" else None


def _as_bytes(value: Any) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else str(value).encode()


class Json(TypeDecorator[T], Generic[T]):
    """Value as JSON text, exactly as it was written: no database re-orders its keys or forbids a character in it."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def __init__(self, write: Callable[[T], str], read: Callable[[str], T]) -> None:
        """Write and read with these functions."""
        super().__init__()
        self._write = write
        self._read = read

    def bind_processor(self, dialect: Dialect) -> _Processor[T | None, str | None]:
        """Return the conversion to text."""
        del dialect
        write = self._write
        return lambda value: None if value is None else write(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor[Any, T | None]:
        """Return the conversion from text."""
        del dialect, coltype
        read = self._read
        return lambda value: None if value is None else read(value)


def json_of(adapter: TypeAdapter[T]) -> Json[T]:
    """Return the type of an adapter's values."""
    return Json(lambda value: adapter.dump_json(value).decode(), adapter.validate_json)


def lenient_json_of(adapter: TypeAdapter[T], spoilt: SpoiltT) -> Json[T | SpoiltT]:
    """Return the same for a column that is read with many rows: an unreadable value is read as ``spoilt``.

    Otherwise one such row would make the whole query of a worker fail.
    """

    def write(value: Any) -> str:
        return adapter.dump_json(value).decode()

    def read(text: str) -> T | SpoiltT:
        try:
            return adapter.validate_json(text)
        except ValueError:
            return spoilt

    return Json(write, read)


SERVER_NOW: Final = func.clock_timestamp(type_=StoreTime())
"""PostgreSQL's time at this moment, not at the begin of the transaction."""


class store_now(FunctionElement[datetime]):  # noqa: N801  (reads as the SQL function that it is)
    """The transaction's time if it is known, as always on SQLite; else the server's time at this moment.

    It is bound as ``known_now``, so that a single statement need not query the time first.
    """

    type: TypeEngine[datetime] = StoreTime()
    inherit_cache: bool | None = True

    def __init__(self) -> None:
        """Take the time from the parameter."""
        super().__init__(bindparam("known_now", type_=StoreTime()))


@compiles(store_now, "sqlite")
def _known_now(element: store_now, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(store_now)
def _known_or_server_now(element: store_now, compiler: SQLCompiler, **options: Any) -> str:
    return f"coalesce({compiler.process(element.clauses, **options)}, clock_timestamp())"


class ErrorType(FunctionElement[str]):
    """Class in the JSON text of an error: an SQL expression, so that an index can contain it.

    It is cut from the text, since a database that parses JSON would refuse a row with an unreadable error.
    """

    type: TypeEngine[str] = Text()
    inherit_cache: bool | None = True


@compiles(ErrorType, "sqlite")
def _from_text(element: ErrorType, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f"substr({text}, 10, instr(substr({text}, 10), '\"') - 1)"


@compiles(ErrorType)
def _from_parts(element: ErrorType, compiler: SQLCompiler, **options: Any) -> str:
    return f"split_part({compiler.process(element.clauses, **options)}, '\"', 4)"


class ErrorStep(FunctionElement[str]):
    """Step in the JSON text of an error, None without one: an SQL expression, so that an index can contain it.

    It comes after the message, which may contain anything: a text that is not a valid error has no step.
    """

    type: TypeEngine[str] = Text()
    inherit_cache: bool | None = True


@compiles(ErrorStep, "sqlite")
def _step_of_json(element: ErrorStep, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f"CASE WHEN json_valid({text}) THEN json_extract({text}, '$.step') END"


@compiles(ErrorStep)
def _step_at_the_end(element: ErrorStep, compiler: SQLCompiler, **options: Any) -> str:
    end = """"step":"([^"]*)"(,"path":"[^"]*")?(,"position":(null|[0-9]+))?[}]$"""
    return f"substring({compiler.process(element.clauses, **options)} from '{end}')"


class Minute(FunctionElement[datetime]):
    """The beginning of the minute of a time."""

    type: TypeEngine[datetime] = StoreTime()
    inherit_cache: bool | None = True


@compiles(Minute, "sqlite")
def _minute_of_seconds(element: Minute, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} / 60 AS INTEGER) * 60.0"


@compiles(Minute)
def _minute_of_time(element: Minute, compiler: SQLCompiler, **options: Any) -> str:
    return f"date_trunc('minute', {compiler.process(element.clauses, **options)})"

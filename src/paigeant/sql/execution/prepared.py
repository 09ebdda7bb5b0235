"""Hot statements: written with SQLAlchemy's Core, compiled once, and handed to the driver directly.

Core writes the SQL and knows how each type lies in the database; executing through it costs several times what the
driver takes, for each row (``docs/explanation/performance.md``). So what a hop executes is marked as
:class:`PreparedStatement` where it is written, and given to sqlite3 or asyncpg by
:mod:`paigeant.sql.execution.drivers`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import repeat
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import ClauseElement, Dialect, Insert, Select, Update, make_url
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from paigeant.sql.execution.bulk import in_bulk

_URLS: Final = {"sqlite": "sqlite://", "postgresql": "postgresql+asyncpg://"}
_Convert = Callable[[Any], Any]
_named_tuple: Any = namedtuple  # noqa: PYI024  (its columns have their names from a statement)


class CompiledStatement(NamedTuple):
    """A statement as a driver takes it: the text, and for each parameter in turn its name, or the value it has."""

    sql: str
    parameters: tuple[tuple[str | None, _Convert | None, Any], ...]
    row: Callable[[Iterable[Any]], Any]
    columns: tuple[tuple[int, _Convert], ...]

    def arguments(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters of one execution, in order and as the database stores them."""
        return tuple(
            [
                fixed if name is None else given[name] if convert is None else convert(given[name])
                for name, convert, fixed in self.parameters
            ]
        )

    def many(self, rows: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Any, ...]]:
        """Return the parameters of one execution for each of these rows, converted a column at a time."""
        columns: list[Iterable[Any]] = []
        for name, convert, fixed in self.parameters:
            if name is None:
                columns.append(repeat(fixed, len(rows)))
                continue
            column: list[Any] = [row[name] for row in rows]
            columns.append(column if convert is None else _converted(convert, column))
        return zip(*columns, strict=True)

    def rows(self, found: Sequence[Iterable[Any]]) -> list[Any]:
        """Return what was found, as named tuples of our types, converted a column at a time."""
        if not self.columns or not found:
            return list(map(self.row, found))
        columns: list[Any] = list(zip(*found, strict=True))
        for index, convert in self.columns:
            columns[index] = _converted(convert, columns[index])
        return list(map(self.row, zip(*columns, strict=True)))


def _converted(convert: _Convert, column: Sequence[Any]) -> Sequence[Any]:
    """Convert a column. Often all of it is the same, as the time of all rows is, or nothing: it is converted once."""
    first = column[0]
    if column[-1] is first and column.count(first) == len(column):
        return [convert(first)] * len(column)
    return list(map(convert, column))


class PreparedStatement:
    """A statement that lives as long as the program. It has no list of values that grows with the call."""

    def __init__(self, statement: ClauseElement) -> None:
        """Mark a statement; it is compiled when it is first used."""
        self.statement = statement
        self._prepared: dict[tuple[str, tuple[str, ...] | None, bool], CompiledStatement] = {}

    def prepared(self, dialect: str, row: Mapping[str, Any], *, lists: bool = False) -> CompiledStatement:
        """Return it for this dialect; an INSERT names the columns of ``row``. With ``lists`` it takes many rows."""
        key = dialect, tuple(row) if isinstance(self.statement, Insert) else None, lists
        made = self._prepared.get(key)
        if made is None:
            made = self._prepared[key] = self._prepare(*key)
        return made

    def _prepare(self, dialect: str, keys: tuple[str, ...] | None, lists: bool) -> CompiledStatement:  # noqa: FBT001
        made = _compiled(self.statement, dialect, keys)
        if lists and isinstance(self.statement, Insert | Update):
            types = {name: made.binds[name].type for name in made.positiontup or () if made.binds[name].required}
            made = _compiled(in_bulk(self.statement, types), dialect, None)
        return _prepared(made, self.statement, dialect)


def _compiled(statement: ClauseElement, dialect: str, keys: tuple[str, ...] | None) -> SQLCompiler:
    made = statement.compile(dialect=dialect_of(dialect), column_keys=keys, for_executemany=True)
    return cast("SQLCompiler", made)


def _prepared(made: SQLCompiler, statement: ClauseElement, dialect: str) -> CompiledStatement:
    parameters: list[tuple[str | None, _Convert | None, Any]] = []
    for name in made.positiontup or ():
        bind = made.binds[name]
        convert = _in(bind.type, dialect)
        fixed = None if bind.required or bind.callable else bind.value
        parameters.append((name if bind.required else None, convert, convert(fixed) if convert else fixed))
    columns = list(statement.selected_columns) if isinstance(statement, Select) else []
    converts = [(index, _out(column.type, dialect)) for index, column in enumerate(columns)]
    names = [str(column.key) for column in columns]  # what has none is numbered
    row = _named_tuple("Row", names, rename=True)._make if columns else tuple
    return CompiledStatement(
        made.string,
        tuple(parameters),
        row,
        tuple((index, convert) for index, convert in converts if convert is not None),
    )


def _in(kind: TypeEngine[Any], dialect: str) -> _Convert | None:
    return kind.dialect_impl(dialect_of(dialect)).bind_processor(dialect_of(dialect))


def _out(kind: TypeEngine[Any], dialect: str) -> _Convert | None:
    return kind.dialect_impl(dialect_of(dialect)).result_processor(dialect_of(dialect), None)


@cache
def dialect_of(name: str) -> Dialect:
    """Return the dialect as our drivers speak it; loaded when first used, for half of a start's SQL is the other's."""
    return make_url(_URLS[name]).get_dialect()()


@cache
def insert_of(name: str) -> Any:
    """Return the dialect's own INSERT, which knows what to do on a conflict."""
    return import_module(f"sqlalchemy.dialects.{name}").insert

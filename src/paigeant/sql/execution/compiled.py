"""Compiled statements: the text, the parameters in order, and the conversions of types."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias, cast

from sqlalchemy import ClauseElement, Dialect, Select, make_url
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

_URLS: Final = {"sqlite": "sqlite://", "postgresql": "postgresql+asyncpg://"}
_Convert: TypeAlias = Callable[[Any], Any]
_named_tuple: Any = namedtuple  # noqa: PYI024  (its columns have their names from a statement)


class CompiledStatement(NamedTuple):
    """Statement for a driver: the text, and the name or the fixed value of each parameter in order."""

    sql: str
    parameters: tuple[tuple[str | None, _Convert | None, Any], ...]
    row: Callable[[Iterable[Any]], Any]
    columns: tuple[tuple[int, _Convert], ...]

    def arguments(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters of one execution, in order and in the database's types."""
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
        """Return the result as named tuples of our types, converted column by column."""
        if not self.columns or not found:
            return list(map(self.row, found))
        columns: list[Any] = list(zip(*found, strict=True))
        for index, convert in self.columns:
            columns[index] = _converted(convert, columns[index])
        return list(map(self.row, zip(*columns, strict=True)))


def _converted(convert: _Convert, column: Sequence[Any]) -> Sequence[Any]:
    """Convert a column. Often all its values are equal, such as the time of all rows, or null: then only once."""
    first = column[0]
    if column[-1] is first and column.count(first) == len(column):
        return [convert(first)] * len(column)
    return list(map(convert, column))


def compiled(statement: ClauseElement, dialect: str, keys: tuple[str, ...] | None) -> SQLCompiler:
    """Compile a statement for a dialect; an INSERT names these columns."""
    made = statement.compile(dialect=dialect_of(dialect), column_keys=keys, for_executemany=True)
    return cast("SQLCompiler", made)


def for_driver(made: SQLCompiler, statement: ClauseElement, dialect: str) -> CompiledStatement:
    """Return a compiled statement in the form of the dialect's driver."""
    parameters: list[tuple[str | None, _Convert | None, Any]] = []
    for name in made.positiontup or ():
        bind = made.binds[name]
        convert = _in(bind.type, dialect)
        fixed = None if bind.required or bind.callable else bind.value
        parameters.append((name if bind.required else None, convert, convert(fixed) if convert else fixed))
    columns = list(statement.selected_columns) if isinstance(statement, Select) else []
    converts = [(index, _out(column.type, dialect)) for index, column in enumerate(columns)]
    names = [str(column.key) for column in columns]  # columns without a name are numbered
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
    """Return the dialect of our drivers; loaded on first use, since half of the SQL at a start is the other's."""
    return make_url(_URLS[name]).get_dialect()()

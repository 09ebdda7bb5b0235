"""Bulk statements of SQLite: many rows as a table of constants in one statement.

Python's sqlite3 releases the GIL for each row that a statement is executed for, and waits for its turn to get it back:
up to 5 ms (``sys.getswitchinterval``) while steps keep the event loop busy. With many rows in one statement it waits
once, and the database works in parallel with the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, NamedTuple

from sqlalchemy import ClauseElement, Insert, Update, column, table
from sqlalchemy.types import TypeEngine

from paigeant.sql.execution.bulk import types_of, with_rows
from paigeant.sql.execution.compiled import CompiledStatement, compiled, for_driver

MOST: Final = 128
"""Limit of rows in one statement: prepared statements are cached, and grow with it."""

_LEAST: Final = 8
_GIVEN: Final = "given"
_SQLITE: Final = "sqlite"


class ConstantRows(NamedTuple):
    """Statement in two parts, with the rows between them, and its parameters before, within and behind them.

    There is one text for each power of two of rows. Surplus rows are empty, and are cut off by the LIMIT.
    """

    head: str
    tail: str
    before: tuple[Any, ...]
    row: CompiledStatement
    behind: tuple[Any, ...]

    def executions(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
        """Yield the statements for all rows, each with its parameters."""
        empty = [None] * len(self.row.parameters)
        for start in range(0, len(rows), MOST):
            part = rows[start : start + MOST]
            size = max(_LEAST, 1 << (len(part) - 1).bit_length())
            given = chain.from_iterable(self.row.many(part))
            padding = empty * (size - len(part))
            yield self.text(size), [*self.before, *given, *padding, len(part), *self.behind]

    def text(self, size: int) -> str:
        """Return the statement for up to this many rows."""
        return _text(self.head, self.tail, len(self.row.parameters), size)


def constant_rows(statement: ClauseElement, keys: tuple[str, ...] | None) -> ConstantRows | None:
    """Return an UPDATE, or an INSERT of these columns, for many rows; None if it needs one execution for each.

    No two rows may affect the same row of the table.
    """
    made = compiled(statement, _SQLITE, keys)
    one = for_driver(made, statement, _SQLITE)
    match statement:
        case Insert():
            head, found, tail = made.string.partition(_constants(len(one.parameters), 1))
            # Not found: it computes its values, or has parameters behind, as in DO UPDATE SET.
            return ConstantRows(head, tail, (), one, ()) if found else None
        case Update():
            return _update(statement, one, types_of(made))
        case _:
            return None


def _update(statement: Update, one: CompiledStatement, types: Mapping[str, TypeEngine[Any]]) -> ConstantRows:
    """Return an UPDATE whose parameters are columns of the constants, named by SQLite itself."""
    given = table(_GIVEN, *(column(f"column{number}", kind) for number, kind in enumerate(types.values(), 1)))
    joined = with_rows(statement, dict(zip(types, given.c, strict=True)))
    made = for_driver(compiled(joined, _SQLITE, None), joined, _SQLITE)
    head, _, tail = made.sql.partition(f" FROM {_GIVEN} ")
    fixed, before = made.arguments({}), head.count("?")
    parameters = {each[0]: each for each in one.parameters}
    row = one._replace(parameters=tuple(parameters[name] for name in types))
    return ConstantRows(f"{head} FROM (", f") AS {_GIVEN} {tail}", fixed[:before], row, fixed[before:])


@cache
def _text(head: str, tail: str, width: int, size: int) -> str:
    return f"{head}SELECT * FROM ({_constants(width, size)}) LIMIT ?{tail}"  # noqa: S608  (all of it is compiled SQL)


def _constants(width: int, size: int) -> str:
    row = f"({', '.join(['?'] * width)})"
    return f"VALUES {', '.join([row] * size)}"

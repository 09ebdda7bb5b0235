"""Lists at any width: words stay whole, columns are dropped by rank, and narrow lists are stacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from paigeant.cli.terminal.console import folded

Cell: TypeAlias = str | Text

_GAP: Final = 2
_LINES: Final = 3
"""Limit of lines below an entry for one cell."""


class Column(NamedTuple):
    """Column: ``rank`` 0 always stays; of the others the highest is dropped first when there is no room.

    With ``least`` a cell may be shortened to this many characters. With ``below``, a cell of a dropped column is
    written on a line of its own.
    """

    heading: str
    rank: int = 0
    least: int = 0
    below: bool = False


def listed(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> list[Text]:
    """Return the lines of a list, the headings first if there is room for columns."""
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    natural = [max([cell_len(c.heading), *(row[i].cell_len for row in cells)]) for i, c in enumerate(columns)]
    filled = [i for i in range(len(columns)) if any(row[i].plain for row in cells)]
    shown = _fitting(columns, natural, filled, width)
    if shown is None:
        return [line for row in cells for line in _stacked(columns, filled, row, width)]
    widths = _widths(columns, natural, shown, width)
    lines = [_line([Text(columns[i].heading, style="dim") for i in shown], widths)]
    for row in cells:
        lines.append(_line([row[i] for i in shown], widths))
        dropped = [i for i in filled if i not in shown and columns[i].below and row[i].plain]
        lines += [line for i in dropped for line in _below(columns[i], row[i], width)]
    return lines


def shortened(text: str, width: int) -> str:
    """Return the first line of a text, cut between two words if it is too wide."""
    first = (text.splitlines() or [""])[0]
    if cell_len(first) <= width and first == text.rstrip("\n"):
        return first
    room = set_cell_size(first, min(max(width - 1, 1), cell_len(first)))
    whole = len(room) == len(first) or first[len(room) : len(room) + 1] == " "
    words = room if whole else room.rpartition(" ")[0] or room
    return f"{words.rstrip()}…"


def _least(column: Column, natural: int) -> int:
    return min(natural, column.least) if column.least else natural


def _fitting(columns: Sequence[Column], natural: list[int], filled: list[int], width: int) -> list[int] | None:
    """Return the columns that fit, None if those that must stay do not.

    A column written below makes room for those of the next ranks; any other ends the line.
    """
    shown: list[int] = []
    left = width + _GAP
    for i in sorted(filled, key=lambda i: columns[i].rank):
        taken = _least(columns[i], natural[i]) + _GAP
        if taken <= left:
            shown.append(i)
            left -= taken
        elif not columns[i].rank:
            return None
        elif not columns[i].below:
            break
    return sorted(shown)


def _widths(columns: Sequence[Column], natural: list[int], shown: list[int], width: int) -> list[int]:
    widths = [_least(columns[i], natural[i]) for i in shown]
    left = width - sum(widths) - _GAP * (len(shown) - 1)
    for place, i in enumerate(shown):
        more = min(natural[i] - widths[place], left)
        widths[place] += more
        left -= more
    return widths


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        fitted = _fitted(cell, width)
        line.append_text(fitted).append(" " * (width - fitted.cell_len + _GAP))
    line.rstrip()
    return line


def _fitted(cell: Text, width: int) -> Text:
    return cell if cell.cell_len <= width else Text(shortened(cell.plain, width), style=cell.style)


def _below(column: Column, cell: Text, width: int) -> list[Text]:
    """Return the first line of a cell, wrapped to lines of their own, three at most."""
    lines = folded(f"{column.heading}: {cell.plain.splitlines()[0]}", width - _GAP)
    if len(lines) > _LINES:
        lines[_LINES - 1 :] = [f"{shortened(lines[_LINES - 1], width - _GAP - 1).removesuffix('…')}…"]
    return [Text(f"  {line}", style=cell.style) for line in lines]


def _stacked(columns: Sequence[Column], filled: list[int], row: Sequence[Text], width: int) -> Iterator[Text]:
    """Yield one entry as lines: the first cell, then cells that fit on the next line by rank, then those below."""
    yield row[filled[0]]
    line = Text(" ")
    for i in sorted(filled[1:], key=lambda i: columns[i].rank):
        if not row[i].plain or columns[i].below:
            continue
        if not columns[i].rank and line.cell_len + 1 + row[i].cell_len > width and line.plain.strip():
            yield line
            line = Text(" ")
        if not columns[i].rank or line.cell_len + 1 + row[i].cell_len <= width:
            line.append(" ").append_text(row[i])
    if line.plain.strip():
        yield line
    for i in filled[1:]:
        if columns[i].below and row[i].plain:
            yield from _below(columns[i], row[i], width)

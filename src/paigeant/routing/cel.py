"""Conditions in CEL, the Common Expression Language: validation and evaluation.

Only this module knows the library, which is loaded with the first condition, since that takes a while. The library
holds the GIL, and has no cost limit. So a condition is short, makes no lists of lists, and sees small values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn, Protocol, cast

from pydantic import JsonValue

from paigeant.model.limits import CONDITION
from paigeant.model.values.showing import shown

ALL: Final = "vars"
"""Name of an object with all variables, for names that CEL cannot write: ``vars['look-up']``."""

NOT_SET: Final = "is not set"
_COSTLY: Final = frozenset({"map", "filter"})
_MACROS: Final = frozenset({"all", "exists", "exists_one", "existsOne"})
_TOKEN: Final = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))"""
    r"""|(?P<remark>//[^\n]*)|(?P<name>[A-Za-z_]\w*)|(?P<mark>\S)""",
    re.DOTALL,
)
_PLACE: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_KINDS: Final[Mapping[type[Any], str]] = {
    bool: "true or false",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class _Program(Protocol):
    """Compiled condition of the library."""

    def variables(self) -> list[str]: ...

    def execute(self, values: dict[str, Any], /) -> Any: ...


class Unevaluable(Exception):
    """A condition that evaluated to neither true nor false; the text has the reason, and the value of each name."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Parsed condition: its text, and the names of variables that it uses."""

    text: str
    names: frozenset[str]
    _own: frozenset[str]
    _program: _Program

    def holds(self, values: Mapping[str, JsonValue], withheld: Mapping[str, str]) -> bool:
        """Evaluate it with these values; ``withheld`` has the reasons why some names have no value.

        Raises :class:`Unevaluable` if it cannot be evaluated.
        """
        offered = {name: values[name] for name in self.names if name in values}
        try:
            found: Any = self._program.execute({**offered, ALL: offered})
        except BaseException as error:
            # A panic of the library is a BaseException of its own class; KeyboardInterrupt passes.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            self._fail(_explain_error(error), offered, withheld)
        if not isinstance(found, bool):
            self._fail(f"it came to {shown(found)}, not to true or false", offered, withheld)
        return found

    def _fail(self, why: str, offered: Mapping[str, JsonValue], withheld: Mapping[str, str]) -> NoReturn:
        seen = [
            f"{name} is {_described(offered[name])}" if name in offered else f"{name} {withheld.get(name, NOT_SET)}"
            for name in sorted(self.names)
            if name in offered or name not in self._own
        ]
        text = f"the condition {self.text!r} cannot be evaluated: {why}"
        raise Unevaluable("; ".join((text, *seen)))


@lru_cache(maxsize=1024)
def read_condition(text: str) -> Condition:
    """Parse a condition; raises ValueError with the error and its column."""
    if not 0 < len(text) <= CONDITION:
        raise ValueError(f"a condition has 1 to {CONDITION:,} characters, not {len(text):,}")
    within = _check_marks(text)
    from cel import compile as compile_cel  # noqa: PLC0415  (it takes 0.3 s, and few need it)

    try:
        program = cast("_Program", compile_cel(text))
    except ValueError as error:
        place = _PLACE.search(str(error))
        where = "" if place is None else f" in {_column(place[1], place[2])}"
        said = "it cannot be read" if place is None else place[3].partition(" expecting ")[0]
        raise ValueError(f"the condition {shown(text)} is wrong{where}: {said}") from None
    names = {name.removeprefix(".") for name in program.variables()} - {ALL}
    return Condition(text, frozenset(names | within.named), frozenset(within.own), program)


@dataclass(slots=True)
class _Within:
    """Names in a condition: those within ``vars``, and those that a macro defines itself."""

    named: set[str]
    own: set[str]


class _Mark(NamedTuple):
    is_name: bool
    text: str
    at: int


def _check_marks(text: str) -> _Within:
    """Refuse expensive constructs, and accesses without a fixed variable name."""
    within, macros, depth = _Within(set(), set()), list[int](), 0
    marks = [_Mark(hit.lastgroup == "name", hit[0], hit.start()) for hit in _TOKEN.finditer(text)]
    marks = [mark for mark in marks if not mark.text.startswith("//")]
    marks += [_Mark(is_name=False, text="", at=len(text))] * 4
    for index, mark in enumerate(marks[:-4]):
        following = marks[index + 1 : index + 4]
        if mark.text == "(":
            depth += 1
        elif mark.text == ")":
            macros = [each for each in macros if each < depth]
            depth -= 1
        elif mark.text == "." and following[1].text == "(" and following[0].text in _COSTLY | _MACROS:
            _check_macro(text, following[0], within=bool(macros))
            macros.append(depth + 1)
            within.own.add(following[2].text)
        elif mark.is_name and mark.text == ALL and (not index or marks[index - 1].text != "."):
            within.named.add(_name_within(text, mark, following))
    return within


def _check_macro(text: str, macro: _Mark, *, within: bool) -> None:
    if macro.text in _COSTLY or within:
        what = "makes lists, which cost too much" if macro.text in _COSTLY else "within another costs too much"
        raise ValueError(f"the condition {shown(text)} is wrong in column {macro.at + 1}: {macro.text} {what}")


def _name_within(text: str, mark: _Mark, following: list[_Mark]) -> str:
    first, second, third = following
    if first.text == "." and second.is_name:
        return second.text
    quoted = second.text[:1] in {"'", '"'} and "\\" not in second.text
    if first.text == "[" and third.text == "]" and quoted:
        return second.text.strip(second.text[0])
    what = f"{ALL} takes a name in quotation marks: {ALL}['look-up']"
    raise ValueError(f"the condition {shown(text)} is wrong in column {mark.at + 1}: {what}")


def _column(line: str, column: str) -> str:
    return f"column {column}" if line == "1" else f"line {line}, column {column}"


def _explain_error(error: BaseException) -> str:
    match error:
        case KeyError():
            return f"there is no {error.args[0]!r}"
        case ZeroDivisionError():
            return "it divides by zero"
        case TypeError():
            return "it compares or combines what is not of one type; convert with int(x), double(x) or string(x)"
        case RuntimeError() if (name := re.search(r"'([^']*)'", str(error))) and str(error).startswith("Undefined"):
            return f"there is no {name[1]!r}"
        case _:
            return str(error).partition("\n")[0] or type(error).__name__


def _described(value: JsonValue) -> str:
    kind = _KINDS.get(cast("type[Any]", type(value)), "a number")
    return f"{shown(value)} ({kind})"

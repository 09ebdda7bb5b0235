"""Parsing of entries in YAML: each kind by its key, with the place of an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, cast

from pydantic import ValidationError

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import HOW
from paigeant.model.entries.entry import Entry, WrittenWrongly, yaml_key
from paigeant.model.entries.kinds import WRITTEN
from paigeant.model.entries.step import Step
from paigeant.model.limits import STEPS
from paigeant.model.values.showing import did_you_mean, shown
from paigeant.routing.cel import read_condition

_KEYS: Final = ", ".join(WRITTEN)
_STEP: Final = "step"
"""Name of the steps option in Python; the key of a list contains it."""


class EntryReader:
    """Parses the entries of one workflow, at most as many as a run may have, even with repeated YAML aliases."""

    def __init__(self) -> None:
        """Start with no entries."""
        self._count = 0

    def read_list(self, said: Any, *path: str | int) -> tuple[Entry, ...]:
        """Parse the entries of the list at this path; raises WrittenWrongly."""
        if isinstance(said, str) or not isinstance(said, Sequence):
            raise WrittenWrongly(
                f"it is {shown(said)}; it should be a list of entries, each in a line after a -", *path
            )
        entries: list[Entry] = []
        for index, each in enumerate(cast("Sequence[Any]", said)):
            try:
                entries.append(self._read_one(each))
            except WrittenWrongly as error:
                raise error.within(*path, index) from error
        return tuple(entries)

    def _read_one(self, said: Any) -> Entry:
        self._count += 1
        if self._count > STEPS:
            raise WrittenWrongly(f"it is one too many: a workflow has at most {STEPS:,} entries")
        if isinstance(said, Entry):
            return said
        if not isinstance(said, str | Mapping):
            raise WrittenWrongly(f"it is {shown(said)}; an entry is the name of an activity, or an object with {_KEYS}")
        fields = {Step.key: said} if isinstance(said, str) else _fields(cast("Mapping[Any, Any]", said))
        key = next(key for key in WRITTEN if key in fields)
        kind = WRITTEN[key]
        for name in fields:
            if name not in kind.schema:
                raise WrittenWrongly(f"{key} has no option {name!r}; {did_you_mean(name, kind.schema)}", name)
        try:
            entry = kind.read_yaml(fields, self.read_list)
        except ValidationError as error:
            raise _explained(error, kind, fields) from error
        except RegistrationError as error:
            raise WrittenWrongly(str(error).partition(": ")[2], key) from error
        _check(entry, key)
        return entry


def _fields(said: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the fields of an entry; raises WrittenWrongly without the key of exactly one kind."""
    fields = {yaml_key(name): value for name, value in said.items()}
    kinds = [key for key in WRITTEN if key in fields]
    if len(kinds) != 1:
        found = ", ".join(kinds or fields) or "nothing"
        raise WrittenWrongly(
            f"it has {found[:100]}; an entry has exactly one of {_KEYS}{'' if kinds else _meant(fields)}"
        )
    return fields


def _meant(fields: Mapping[str, Any]) -> str:
    """Return a hint at the probably intended key, as the end of a sentence."""
    others = (name for name in fields if name != _STEP)
    close = (get_close_matches(name, (*WRITTEN, _STEP), n=1) for name in (*others, *fields))
    near = next((found[0] for found in close if found), None)
    return f"; did you mean {(Step.key if near == _STEP else near)!r}?" if near else ""


def _check(entry: Entry, key: str) -> None:
    """Raise WrittenWrongly for an invalid condition of the entry itself."""
    for when in entry.conditions:
        try:
            read_condition(when)
        except ValueError as error:
            path = ("when",) if "when" in entry.schema else (key, when)
            raise WrittenWrongly(str(error), *path) from error


def _explained(error: ValidationError, kind: type[Entry], fields: Mapping[str, Any]) -> WrittenWrongly:
    problem = error.errors(include_url=False, include_context=False)[0]
    first, *rest = problem["loc"] or (kind.main,)
    path, there = list[str | int](), cast("Any", fields)
    for part in (kind.key if first == kind.main else first, *rest):
        if path and not (isinstance(there, Mapping) and part in there):
            break  # the rest of the path belongs to the validator, not to the file
        there = cast("dict[Any, Any]", there).get(part)
        path.append(part)
    reason = problem["msg"].removeprefix("Value error, ")
    how = f"; it should be {HOW[str(first)]}" if str(first) in HOW and not rest else ""
    return WrittenWrongly(f"it is {shown(there)}: {reason[:1].lower()}{reason[1:]}{how}", *path)

"""Table of the kinds of entries, and parsing of an entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

from pydantic import PlainSerializer, PlainValidator, ValidationError
from pydantic_core import from_json

from paigeant.model.entries.entry import Entry
from paigeant.model.entries.fan import Fan
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import Step
from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.values.shapes import first_problem
from paigeant.model.values.showing import did_you_mean, shown

_TABLE: Final[tuple[type[Entry], ...]] = (Step, Switch, Parallel, ForEach, Wait, Sleep, SubWorkflow)

KINDS: Final[Mapping[str, type[Entry]]] = {each.kind: each for each in _TABLE}
"""Class of each kind. Steps have no kind on the wire."""

JOINING: Final = frozenset(each.kind for each in _TABLE if issubclass(each, Fan))
"""The kinds of which branches run, and join."""

SEPARATE: Final = frozenset(each.kind for each in _TABLE if each.separate)
"""The kinds that begin another run."""

WRITTEN: Final[Mapping[str, type[Entry]]] = {each.key: each for each in _TABLE}
"""Class of each kind, by its key in YAML."""


def read_entry(said: Any) -> Entry:
    """Return an entry unchanged, or parse it from an object; raises ValueError with the reason."""
    if isinstance(said, Entry):
        return said
    if not isinstance(said, Mapping):
        raise ValueError(f"an entry is an object, not {shown(said)}")  # noqa: TRY004  (pydantic wants this one)
    fields = dict(cast("Mapping[str, Any]", said))
    kind = fields.pop("kind", Step.kind)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"no kind of entry is {shown(kind)}; {did_you_mean(str(kind), KINDS)}")
    try:
        return KINDS[kind].read(fields, read_entries)
    except ValidationError as error:
        raise ValueError(f"{kind}: {first_problem(error)}") from error


def read_entries(said: Iterable[Any]) -> tuple[Entry, ...]:
    """Parse several entries, in order."""
    return tuple(read_entry(each) for each in said)


def _data(entry: Entry) -> Any:
    return from_json(entry.text)


AnyEntry: TypeAlias = Annotated[Entry, PlainValidator(read_entry), PlainSerializer(_data)]
"""Entry as a field of a model: parsed from an object, and written as one."""

"""Parallel: several branches that run concurrently."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, NamedTuple, Self, cast
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from paigeant.errors import RegistrationError
from paigeant.model.checks.names import taken
from paigeant.model.checks.options import written_at
from paigeant.model.entries.entry import (
    ENTRIES,
    NAME,
    Entry,
    Reader,
    StepChange,
    WrittenWrongly,
    YamlReader,
    check_levels,
    copied,
    exposed_output,
    joined,
    listed,
    outline_of,
    output_name,
    picture_of,
    written,
)
from paigeant.model.entries.fan import Fan, OnFault
from paigeant.model.entries.nested import Branch, Declared, read_declared, read_nested
from paigeant.model.entries.picture import Box, Fork, Picture, Shape
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import did_you_mean, shown


class NamedBranch(NamedTuple):
    """Entries of a branch, and its name."""

    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, init=False)
class Parallel(Fan):
    """Entry whose branches run concurrently; the run goes on when enough of them have completed.

    A branch is the name of an activity, a Step, or a list of them: ``Parallel("a", "b", [Step("c"), "d"])``. Its name
    is its keyword, as in ``Parallel(flight=["search", "book"], hotel="hotel")``, else that of its last step, else its
    number. The output maps names to outputs; variables set in a branch are visible outside of it once the run goes on.

    ``join`` is the number that must complete: ``"all"``, ``"any"`` or a number; the others are then cancelled, and
    undone. ``on_fault`` is the policy for a failed branch if all are needed: ``"cancel"`` the others and undo
    everything (the default), let the others ``"finish"`` first, or ``"skip"`` it. ``name`` is a variable that holds the
    output. Raises RegistrationError for an invalid argument.
    """

    kind: ClassVar[str] = "parallel"
    key: ClassVar[str] = "parallel"
    main: ClassVar[str] = "branches"
    schema: ClassVar[Mapping[str, Any]] = {
        "parallel": {
            "anyOf": [
                {"type": "object", "additionalProperties": ENTRIES, "minProperties": 1},
                {"type": "array", "items": {"anyOf": [NAME, {"type": "object"}, ENTRIES]}, "minItems": 1},
            ]
        },
        "join": {"anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}]},
        "on_fault": {"enum": ["cancel", "finish", "skip"]},
        "name": NAME,
    }

    branches: tuple[NamedBranch, ...]
    join: Literal["all", "any"] | int
    on_fault: OnFault | None
    name: str | None
    id: UUID | None

    def __init__(
        self,
        *branches: Declared | Branch,
        join: Literal["all", "any"] | int = "all",
        on_fault: OnFault | Literal["cancel", "finish", "skip"] | None = None,
        name: str | None = None,
        **named: Declared | Branch,
    ) -> None:
        """Take branches in order, keyword branches last."""
        try:
            made = _Options.of(_named(branches, named), join, on_fault, name)
        except ValueError as error:
            raise RegistrationError(f"{written_at()}: Parallel: {error}") from error
        for field, value in {**made._asdict(), "id": None}.items():
            object.__setattr__(self, field, value)
        try:
            check_levels([self])
        except ValueError as error:
            raise RegistrationError(f"{written_at()}: Parallel: {error}") from error

    @property
    def needed(self) -> int:
        """Number of branches that must complete."""
        return {"all": len(self.branches), "any": 1}.get(cast("str", self.join), cast("int", self.join))

    @property
    def policy(self) -> OnFault:
        """Policy for a failed branch."""
        return self.on_fault or OnFault.CANCEL

    @property
    def publishes(self) -> bool:
        """True: variables set in its branches are visible behind it."""
        return True

    @property
    def label(self) -> str:
        """Its name, else its kind."""
        return self.name or self.kind

    @property
    def output_name(self) -> str | None:
        """Its name."""
        return self.name

    @property
    def errors_name(self) -> str:
        """Name of the variable with the errors of skipped branches."""
        return f"{self.label}_errors"

    def exposed(self) -> Iterator[tuple[str, str]]:
        """Yield the name of its output."""
        yield from exposed_output(self.name)

    @property
    def text(self) -> bytes:
        """The entry as JSON."""
        each = [b'{"name":%b,"entries":%b}' % (to_json(name), joined(entries)) for name, entries in self.branches]
        text = b'{"branches":[%b]' % b",".join(each)
        if self.join != "all":
            text += b',"join":%b' % to_json(self.join)
        for option, value in ((b"on_fault", self.on_fault), (b"name", self.name)):
            text += b"" if value is None else b',"%b":%b' % (option, to_json(value))
        return written(self.kind, text + b"}")

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the parallel of an object."""
        wire = _WIRE.validate_python(said)
        branches = tuple(NamedBranch(each.name, nested(each.entries)) for each in wire.branches)
        made = _Options.of(branches, wire.join, wire.on_fault, wire.name)
        return copied(None, cls, **made._asdict(), id=None)

    @classmethod
    def read_yaml(cls, said: Mapping[str, Any], nested: YamlReader) -> Self:
        """Parse the parallel of a YAML object: branches by name, or a list of them."""
        options = {name: value for name, value in said.items() if name != cls.key}
        branches = said[cls.key]
        if isinstance(branches, Mapping):
            named = {str(name): each for name, each in cast("Mapping[Any, Any]", branches).items()}
            return cls(**{name: nested(listed(each), cls.key, name) for name, each in named.items()}, **options)
        if not isinstance(branches, list):
            raise WrittenWrongly(f"it is {shown(branches)}; its branches are a list, or lists by name", cls.key)
        each_of = enumerate(cast("list[Any]", branches))
        return cls(*(nested(listed(each), cls.key, n) for n, each in each_of), **options)

    @property
    def outline(self) -> str:
        """Short description, with the entries of its branches."""
        return f"parallel ({'; '.join(f'{name}: {outline_of(entries)}' for name, entries in self.branches)})"

    @property
    def picture(self) -> Picture:
        """A box, and the path of each branch."""
        branches = tuple((name, picture_of(entries)) for name, entries in self.branches)
        return (Fork(Box(self.label, Shape.GROUP), branches),)

    @property
    def inner(self) -> tuple[Entry, ...]:
        """Entries of all branches."""
        return tuple(entry for _, entries in self.branches for entry in entries)

    def with_steps(self, change: StepChange) -> Entry:
        """Return the same entry with each nested step changed."""
        changed = tuple(
            NamedBranch(name, tuple(entry.with_steps(change) for entry in entries)) for name, entries in self.branches
        )
        return copied(self, Parallel, branches=changed)


class _Options(NamedTuple):
    branches: tuple[NamedBranch, ...]
    join: Literal["all", "any"] | int
    on_fault: OnFault | None
    name: str | None

    @classmethod
    def of(cls, branches: tuple[NamedBranch, ...], join: Any, on_fault: Any, name: Any) -> _Options:
        """Return the validated options; raises ValueError with the reason."""
        if not branches:
            raise ValueError("it has no branch")
        names = [branch.name for branch in branches]
        twice = next((each for each in names if names.count(each) > 1), None)
        if twice is not None:
            how = f"Parallel(first=[{twice!r}], second=[{twice!r}])"
            raise ValueError(f"two branches are called {twice!r}; call them something by keyword: {how}")
        for each in names:
            _check_name(each, "branch")
        if name is not None and (reason := taken(_check_name(name, "Parallel"))) is not None:
            raise ValueError(f"name is {name!r}: {reason}; take another name")
        if isinstance(join, bool) or not (join in {"all", "any"} or isinstance(join, int)):
            raise ValueError(f"join is {shown(join)}; it should be 'all', 'any' or a number of branches")
        if isinstance(join, int) and not 1 <= join <= len(branches):
            raise ValueError(f"join is {join}, and it has {len(branches)} branches")
        if on_fault is not None and join != "all":
            raise ValueError(
                f"on_fault is for join='all' only: with join={join!r} a fault counts when too few are left"
            )
        return cls(branches, join, None if on_fault is None else read_on_fault(on_fault), name)


def _check_name(name: Any, what: str) -> str:
    if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name):
        return name
    raise ValueError(f"{shown(name)} is no name for a {what}: up to 100 letters, digits, '_', '-' and '.'")


def read_on_fault(value: Any) -> OnFault:
    """Parse a policy; raises ValueError for an invalid one."""
    try:
        return OnFault(value)
    except ValueError:
        known = did_you_mean(str(value), [one.value for one in OnFault])
        raise ValueError(f"on_fault is {shown(value)}; it should be 'cancel', 'finish' or 'skip'; {known}") from None


def _named(branches: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[NamedBranch, ...]:
    found: list[NamedBranch] = []
    for number, each in enumerate(branches):
        entries = _entries(each)
        found.append(NamedBranch(output_name(entries) or str(number), entries))
    return (*found, *(NamedBranch(name, _entries(each)) for name, each in named.items()))


def _entries(value: Any) -> tuple[Entry, ...]:
    several = isinstance(value, Sequence) and not isinstance(value, str)
    entries = read_nested(value, "Parallel") if several else (read_declared(value, "Parallel"),)
    if not entries:
        raise ValueError("a branch has no entry")
    return entries


class _WireBranch(BaseModel, extra="forbid"):
    name: str
    entries: tuple[Any, ...]


class _Wire(BaseModel, extra="forbid"):
    branches: tuple[_WireBranch, ...]
    join: Literal["all", "any"] | int = "all"
    on_fault: OnFault | None = None
    name: str | None = None


_WIRE: Final = TypeAdapter(_Wire)

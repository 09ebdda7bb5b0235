"""Nested entries as a user writes them: names of activities, entries, and agents or functions themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeAlias, cast, runtime_checkable
from uuid import UUID

from paigeant.errors import RegistrationError
from paigeant.model.entries.entry import Entry, Reader, StepChange
from paigeant.model.entries.step import Step
from paigeant.model.values.showing import shown


@runtime_checkable
class AgentLike(Protocol):
    """Interface of an agent, as far as declarations need it; the adapter of agents knows the rest."""

    @property
    def name(self) -> str | None:
        """Name of the agent, which becomes the activity's name."""

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run it once."""


Declared: TypeAlias = str | Entry | AgentLike | Callable[..., Any]
"""Forms of an entry in a declaration."""

Branch: TypeAlias = Sequence[Declared]
"""Form of a list of entries in a declaration."""


@dataclass(frozen=True, slots=True)
class Unnamed(Entry):
    """Agent or function in place of its activity's name, until its workflow has registered it.

    It is changed like a step, by :meth:`with_steps`, and never travels.
    """

    kind: ClassVar[str] = "unnamed"

    source: Any
    id: UUID | None = None

    @property
    def topic(self) -> str:
        """Not available: it has no topic yet."""
        raise self._no_step()

    @property
    def label(self) -> str:
        """Its own name."""
        return str(getattr(self.source, "__name__", None) or getattr(self.source, "name", self.kind))

    @property
    def output_name(self) -> str:
        """Its own name."""
        return self.label

    @property
    def text(self) -> bytes:
        """None: it does not travel."""
        raise self._no_step()

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Raise ValueError: it has no form on the wire."""
        del said, nested
        raise ValueError(
            f"an entry of the kind {cls.kind!r} never travels: it stands for a function or an agent in a program"
        )

    def with_steps(self, change: StepChange) -> Entry:
        """Return the changed entry."""
        return change(self)

    def _no_step(self) -> RegistrationError:
        return RegistrationError(
            f"{shown(self.source)} stands within an entry that no Workflow has declared; write Step({self.label!r})"
        )


def read_nested(value: Any, within: str) -> tuple[Entry, ...]:
    """Return the entries of a list that a user wrote within an entry of a kind; raises ValueError otherwise."""
    if isinstance(value, str | Entry) or not isinstance(value, Sequence):
        raise ValueError(f"its entries are a list, as [{shown(value)}], not {shown(value)}")  # noqa: TRY004
    return tuple(read_declared(each, within) for each in cast("Sequence[Any]", value))


def read_declared(value: Any, within: str) -> Entry:
    """Return the entry that a user wrote within an entry of this kind; raises ValueError for an invalid one."""
    if isinstance(value, Entry):
        return value
    if isinstance(value, str):
        return Step(value)
    if not isinstance(value, type) and (callable(value) or isinstance(value, AgentLike)):
        return Unnamed(value)
    what = f"an entry within a {within} is the name of an activity, a Step, a function or an agent"
    raise ValueError(f"{what}, not {shown(value)}")

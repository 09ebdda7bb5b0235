"""Sub-workflow: another workflow, whose run begins and ends within this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter
from pydantic.dataclasses import dataclass

from paigeant.model.checks.names import OutputName
from paigeant.model.checks.options import declared
from paigeant.model.entries.entry import (
    FLOW,
    NAME,
    Entry,
    Reader,
    StepChange,
    YamlReader,
    copied,
    exposed_output,
    joined,
    written,
)
from paigeant.model.entries.picture import Box, Picture, Shape
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.json_text import to_json


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class SubWorkflow(Entry):
    """Entry that runs another ``workflow`` as a child run; this run goes on once the child has ended.

    The child's input is the variable ``input``, by default the output before it. Its output is stored under the name of
    the workflow, or ``name``. A child that does not complete is a fault here; a completed child is undone by turning
    its run round. The child's plan is the one at the dispatch of this run: ``plan`` and ``terms``, the policies of the
    child's runs, are filled in then. Raises RegistrationError for an invalid argument.
    """

    kind: ClassVar[str] = "workflow"
    key: ClassVar[str] = "workflow"
    main: ClassVar[str] = "workflow"
    schema: ClassVar[Mapping[str, Any]] = {"workflow": NAME, "input": NAME, "name": NAME}
    separate: ClassVar[bool] = True

    workflow: OutputName
    input: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")] | None = None
    name: OutputName | None = None
    plan: Annotated[tuple[Any, ...] | None, Field(repr=False)] = None
    terms: Annotated[Mapping[str, JsonValue] | None, Field(repr=False)] = None
    id: UUID | None = None

    def exposed(self) -> Iterator[tuple[str, str]]:
        """Yield its input, and the name of its output."""
        if self.input is not None:
            yield self.input, f"its input is {self.input!r}, a secret: a run within another is given none"
        yield from exposed_output(self.output_name)

    @property
    def topic(self) -> str:
        """Topic that all workers serve."""
        return FLOW

    @property
    def label(self) -> str:
        """The workflow."""
        return self.workflow

    @property
    def output_name(self) -> str:
        """Its name, else that of the workflow."""
        return self.name or self.workflow

    @property
    def entries(self) -> tuple[Entry, ...] | None:
        """The plan of the child, None before a dispatch."""
        return self.plan

    @property
    def inner(self) -> tuple[Entry, ...]:
        """The plan of the child, if it is known."""
        return self.plan or ()

    @property
    def outline(self) -> str:
        """The name of the workflow, without its entries."""
        return f"{self.kind} {self.workflow}"

    @property
    def text(self) -> bytes:
        """The entry as JSON."""
        text = b'{"workflow":%b' % to_json(self.workflow)
        for option in ("input", "name"):
            if (value := getattr(self, option)) is not None:
                text += b',"%b":%b' % (option.encode(), to_json(value))
        if self.plan is not None:
            text += b',"plan":%b' % joined(self.plan)
        if self.terms:
            text += b',"terms":%b' % to_json(self.terms)
        return written(self.kind, text + b"}")

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the sub-workflow of an object."""
        wire = _WIRE.validate_python(said)
        plan = None if wire.plan is None else nested(wire.plan)
        return cls(wire.workflow, wire.input, wire.name, plan, wire.terms)

    @classmethod
    def read_yaml(cls, said: Mapping[str, Any], nested: YamlReader) -> Self:
        """Parse the sub-workflow of a YAML object."""
        del nested
        return cls(**said)

    @property
    def picture(self) -> Picture:
        """One box: the child run has a diagram of its own."""
        return (Box(f"workflow {self.workflow}", Shape.GROUP),)

    def with_steps(self, change: StepChange) -> Entry:
        """Return the same with each step of the child's plan changed, or itself without a plan."""
        if self.plan is None:
            return change(self)
        return copied(self, SubWorkflow, plan=tuple(entry.with_steps(change) for entry in self.plan))

    def with_plan(self, plan: tuple[Entry, ...], terms: Mapping[str, JsonValue]) -> SubWorkflow:
        """Return the same with the plan and the policies of its child."""
        return copied(self, SubWorkflow, plan=plan, terms=terms or None)


class _Wire(BaseModel, extra="forbid"):
    workflow: str
    input: str | None = None
    name: str | None = None
    plan: tuple[Any, ...] | None = None
    terms: dict[str, JsonValue] | None = None


_WIRE: Final = TypeAdapter(_Wire)

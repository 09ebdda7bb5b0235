"""Result of a run: its status, output and error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Self, cast
from uuid import UUID

from pydantic import JsonValue, TypeAdapter, ValidationError

from paigeant.app.declaration import Out_co
from paigeant.errors import ResultError, RunFailed
from paigeant.model.runs import NodeView, RunError, RunStatus, RunView, StepView
from paigeant.model.secrecy.secrets import HIDDEN
from paigeant.model.values.json_text import to_json
from paigeant.model.values.shapes import first_problem, read
from paigeant.model.values.showing import class_name


@dataclass(frozen=True, slots=True)
class RunResult(Generic[Out_co]):
    """Result of a run: ``variables``, ``steps`` and ``nodes`` as in ``show --json``."""

    workflow_id: UUID
    status: RunStatus
    variables: dict[str, JsonValue]
    steps: tuple[StepView, ...]
    error: RunError | None
    nodes: tuple[NodeView, ...] = ()
    _output: JsonValue = None
    _shape: TypeAdapter[Any] | None = None

    @property
    def output(self) -> Out_co:
        """The output: of the type that the workflow declares, if it is known here and declares one, else JSON data.

        Raises :class:`~paigeant.errors.RunFailed` if the run did not complete, and
        :class:`~paigeant.errors.ResultError` if the output is not of that type. A secret is ``***``.
        """
        self.checked()
        if self._shape is None:
            return cast("Out_co", self._output)
        try:
            return read(self._shape, to_json(self._output))
        except ValidationError as error:
            text = f"run {self.workflow_id} came to what its workflow does not declare: {first_problem(error)}"
            if HIDDEN in to_json(self._output).decode():
                text = f"the output of run {self.workflow_id} is, or has in it, a secret that only steps read"
            raise ResultError(text) from error

    def checked(self) -> Self:
        """Return itself if the run completed; else raise RunFailed, with the traceback of the failed step."""
        if self.status is RunStatus.COMPLETED:
            return self
        step = self.error.step if self.error else None
        where = f" at step {step!r}" if step else ""
        why = f": {class_name(self.error.type)}: {self.error.message}" if self.error else ""
        text = f"run {self.workflow_id} ended {self.status}{where}{why}; see: paigeant show {self.workflow_id}"
        failed = RunFailed(text, workflow_id=str(self.workflow_id), status=self.status, step=step)
        for note in self._tracebacks():
            failed.add_note(note)
        raise failed

    def _tracebacks(self) -> list[str]:
        """Return the newest traceback of the failed step, if there is one."""
        position = self.error.position if self.error else None
        errors = [error for view in self.steps if view.position == position for error in view.errors]
        return [f"In the step, {error.traceback}" for error in errors[-1:] if error.traceback]

    @classmethod
    def of(cls, view: RunView, shape: TypeAdapter[Any] | None = None) -> Self:
        """Return the result in the view of a final run; its output is of this shape."""
        return cls(
            view.workflow_id, view.status, view.variables, view.steps, view.error, view.nodes, view.output, shape
        )

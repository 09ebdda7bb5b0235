"""Check of secrets: steps that use a secret they may not read, or show one to a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pydantic_core import from_json

from paigeant.activities.checking.effects import effects_of
from paigeant.activities.checking.json_types import ANY, schema_of
from paigeant.activities.checking.known import Known
from paigeant.activities.checking.names import CLOSE, listed, near
from paigeant.activities.handlers import Activity, Handler
from paigeant.activities.registry import ActivityRegistry
from paigeant.errors import RegistrationError
from paigeant.model.checks.flaws import WorkflowFlaw
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.step import Step
from paigeant.model.plan import Plan
from paigeant.model.secrecy.secrets import SecretPolicy, made_by_model

_RULE: Final = "secret"


def _steps_in(entry: Entry, before: Entry | None) -> Iterator[tuple[Step, Step | None]]:
    """Yield the steps of an entry, each with the step before it, if that is known to be a step.

    Steps of child runs are left out: a child run has its own names.
    """
    if isinstance(entry, Step):
        yield entry, before if isinstance(before, Step) else None
    elif not entry.separate:
        for each in entry.inner:
            yield from _steps_in(each, None)


def _signals(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the signals that a run waits for; where it pauses a person may set any variable too."""
    for entry in entries:
        if entry.awaits is not None:
            yield entry.awaits
        yield from _signals(entry.inner)


def check_secrets(plan: Plan, registry: ActivityRegistry, known: Known) -> list[WorkflowFlaw]:
    """Return flaws of a workflow's secrets, as far as the code of its steps is at hand."""
    return [] if plan.secrets is None else list(_Check(plan, plan.secrets, registry, known).flaws())


def require_secrets(plan: Plan, registry: ActivityRegistry, known: Known) -> None:
    """Raise RegistrationError, naming the place, for secrets that conflict with the code of the steps at hand."""
    for flaw in check_secrets(plan, registry, known):
        where = f"{flaw.where}: " if flaw.where else ""
        raise RegistrationError(f"{where}workflow {flaw.workflow!r}: step {flaw.step!r}: {flaw.message}")


@dataclass(frozen=True, slots=True)
class _Check:
    plan: Plan
    policy: SecretPolicy
    registry: ActivityRegistry
    known: Known

    def flaws(self) -> Iterator[WorkflowFlaw]:
        """Go through the steps, and then through the names."""
        for position, step, before in self._steps:
            if step.activity in self.registry:
                yield from self._of_activity(position, step, self.registry[step.activity])
                yield from self._behind(position, step, before)
            else:
                yield from self._elsewhere(position, step)
        yield from self._unknown()

    @property
    def _steps(self) -> list[tuple[int, Step, Step | None]]:
        """The steps of this run, with the positions of their entries, and the step before, if one is."""
        entries = list(enumerate(self.plan.itinerary, 1))
        befores = [None, *(entry for _, entry in entries)]
        several = zip(entries, befores, strict=False)
        return [(at, *each) for (at, entry), before in several for each in _steps_in(entry, before)]

    def _of_activity(self, position: int, step: Step, activity: Activity) -> Iterator[WorkflowFlaw]:
        handler, made = activity.execute, self.policy.name_of(step.activity, step.name)
        if made is not None and activity.is_agent:
            yield self._flaw(position, step, made_by_model(made), handler)
        for shown in self._prompted(handler):
            text = f"its prompt names {shown}, a secret: a model is shown none; take it in deps, for tools"
            yield self._flaw(position, step, text, handler)
        for each in (handler, activity.compensate):
            if each is not None:
                for name in self._refused(step, set(each.signature.names) - each.prompted):
                    yield self._flaw(position, step, self.policy.refusal(step.activity, name), each)

    def _prompted(self, handler: Handler) -> list[str]:
        """Return the secrets that a prompt contains, as it names them."""
        names = [repr(name) for name in sorted(handler.prompted) if name in self.policy.readers]
        fields = [place for place in handler.places if place.name == "payload" and place.path[:1]]
        return names + [str(place) for place in fields if place.path[0] in self.policy.readers]

    def _behind(self, position: int, step: Step, before: Step | None) -> Iterator[WorkflowFlaw]:
        """Check a step that takes the output of the step before it, a secret that it may not read or show."""
        handler = self.registry[step.activity].execute
        if before is None or before.when is not None or "previous" not in handler.signature.names:
            return
        if before.activity not in self.registry or effects_of(self.registry[before.activity]).open:
            return  # it may add a step in between
        name = self.policy.name_of(before.activity, before.name)
        if name is not None and "previous" in handler.prompted:
            text = f"its prompt is made of the output before it, the secret {name!r}: a model is shown none"
            yield self._flaw(position, step, text, handler)
        elif name is not None and not self._may(step, name):
            yield self._flaw(position, step, self.policy.refusal(step.activity, name), handler)

    def _may(self, step: Step, name: str) -> bool:
        return step.activity in self.policy.readers[name]

    def _elsewhere(self, position: int, step: Step) -> Iterator[WorkflowFlaw]:
        card = self.known.cards.get(step.activity)
        required: list[str] = [] if card is None else from_json(card.arguments).get("required", [])
        made = self.policy.name_of(step.activity, step.name)
        if made is not None and card is not None and card.agent is not None:
            yield self._flaw(position, step, made_by_model(made))
        for name in self._refused(step, required):
            yield self._flaw(position, step, self.policy.refusal(step.activity, name))

    def _refused(self, step: Step, names: Collection[str]) -> list[str]:
        """Return those of these secrets that a step may not read."""
        return sorted(self.policy.readers.keys() & set(names) - self.policy.readable(step.activity))

    def _unknown(self) -> Iterator[WorkflowFlaw]:
        """Yield flaws for secrets that nothing provides; for an undeclared input, only misspellings."""
        steps, fields = [step for _, step, _ in self._steps], self._fields()
        effects = [effects_of(self.registry[step.activity]) for step in steps if step.activity in self.registry]
        there = {name for step in steps for name in (step.activity, step.name) if name is not None}
        signals = set(_signals(self.plan.itinerary))
        there |= {name for each in effects for name in each.variables} | (fields or set()) | signals
        certain = fields is not None and self.plan.revision is None and len(effects) == len(steps)
        certain = certain and not any(each.open for each in effects) and not signals
        for name, readers in self.policy.readers.items():
            close = near(name, sorted(there), CLOSE)
            if name in there or not (certain or close):
                continue
            text = f"the secret {name!r} is no field of the input, no output and no variable of a step; "
            position, step, _ = next((each for each in self._steps if each[1].activity in readers), self._steps[0])
            yield self._flaw(position, step, text + (close or f"there is: {listed(sorted(there))}"))

    def _fields(self) -> set[str] | None:
        """Return the declared fields of the input, None if it may have any."""
        payload = ANY if self.known.input is None else schema_of(self.known.input, "validation")
        fields = Known(self.known.input).fields_of(payload)
        return None if fields is None else set(fields)

    def _flaw(self, position: int, step: Step, text: str, handler: Handler | None = None) -> WorkflowFlaw:
        where = None if handler is None else handler.where
        return WorkflowFlaw(
            workflow=self.plan.name, step=step.label, position=position, rule=_RULE, message=text, where=where
        )

"""Secrets and the entries of a plan: what must not name one, for it would decide, or lie, in clear."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from paigeant.model.entries.entry import Entry
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import Step
from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.plan import Plan
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.values.showing import did_you_mean
from paigeant.routing.conditions import names_asked_by


def check_secrets(plan: Plan) -> None:
    """Raise ValueError, which says what is wrong, if the secrets of a plan do not go with its entries.

    Whoever may read must be a step of it, or one that a step may add. Of the names only the steps' code knows all.
    """
    policy = plan.secrets
    if policy is None:
        return
    there = {step.activity for step in plan.steps}
    there |= set() if plan.revision is None or plan.revision.allow is None else set(plan.revision.allow)
    for name, readers in policy.readers.items():
        for reader in readers:
            if reader not in there:
                known = did_you_mean(reader, sorted(there))
                raise ValueError(f"secrets: {reader!r}, which may read {name!r}, is no activity of its steps; {known}")
    check_apart(policy, plan.itinerary)


def check_apart(policy: SecretPolicy, entries: Iterable[Entry]) -> None:
    """Raise ValueError if an entry takes for a decision a secret, or calls by its name what lies in clear."""
    for entry in entries:
        why = next(_misuses(policy, entry), None)
        if why is not None:
            raise ValueError(f"{entry.label!r}: {why}")
        if not isinstance(entry, SubWorkflow):  # whose run has names of its own
            check_apart(policy, entry.inner)


def _misuses(policy: SecretPolicy, entry: Entry) -> Iterator[str]:
    names = policy.readers
    for when in _conditions(entry):
        for name in (each for each in names if _names(when, each)):
            yield f"the condition {when!r} names {name!r}, a secret: have the step that may read it set a variable"
    match entry:
        case Step():
            for name in (each for each in names if each in entry.arguments):
                yield f"its argument {name!r} is a secret's name, and lies in clear in the plan: give it with the input"
        case ForEach():
            yield from _of_list(names, entry)
        case _:
            yield from _of_node(names, entry)


def _of_list(names: Collection[str], entry: ForEach) -> Iterator[str]:
    way = entry.in_.split(".")
    if way[0] in names or (way[0] == "payload" and way[1:2] and way[1] in names):
        yield f"its list, {entry.in_!r}, is a secret, and no branch may begin for each part of one"
    for name in (entry.item, f"{entry.item}_index"):
        if name in names:
            yield f"its item is called {name!r}, as a secret, and comes out of its list in clear"
    yield from _of_results(names, entry.name)


def _of_node(names: Collection[str], entry: Entry) -> Iterator[str]:
    match entry:
        case Sleep() if entry.variable in names:
            yield f"it sleeps until {entry.variable!r}, which is a secret"
        case Wait() if entry.signal in names:
            yield f"the signal {entry.signal!r} has the name of a secret, and what a signal carries lies in clear"
        case SubWorkflow():
            if entry.input in names:
                yield f"its input is {entry.input!r}, a secret: a run within another is given none"
            yield from _of_results(names, entry.output_name)
        case Parallel():
            yield from _of_results(names, entry.name)
        case _:
            pass


def _of_results(names: Collection[str], name: str | None) -> Iterator[str]:
    if name in names:
        yield f"what it comes to is called {name!r}, as a secret: name the steps within it whose outputs are secret"


def _conditions(entry: Entry) -> list[str]:
    if isinstance(entry, Switch):
        return [when for when, _ in entry.ordered]
    return [entry.when] if isinstance(entry, Step) and entry.when is not None else []


def _names(when: str, name: str) -> bool:
    """Tell whether a condition names a secret, by itself or as a field of the whole input."""
    way = re.escape(name)
    within = rf"\bpayload\s*(\.\s*{way}\b|\[\s*[rR]?(['\"]){way}\2)"
    return name in names_asked_by(when) or re.search(within, when) is not None

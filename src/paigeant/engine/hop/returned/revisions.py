"""Revision returned by an activity: validated, converted to its travelling form, with facts for its verification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from paigeant.activities.registry import ActivityRegistry
from paigeant.engine.hop.returned.stated import check_reason
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.errors import ResultError
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.nested import Unnamed
from paigeant.model.entries.step import steps_of, stow
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Revised
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Blob, Value
from paigeant.routing.conditions import check_conditions


def accept_revision(revised: Revised[Value], blobs: list[Blob], secrets: StepSecrets) -> Revised[Value]:
    """Return a revision with its entries in their travelling form; large values are added to ``blobs``.

    Raises :class:`~paigeant.errors.ResultError`, naming the step, for an invalid revision, and for one that contains a
    secret.
    """
    step = secrets.step

    def pack(entries: Any, what: str) -> tuple[Entry, ...]:
        stowed = tuple(_stow(entry, step, blobs) for entry in _listed(entries, step, what))
        for entry in stowed:
            secrets.require_unspoken(to_json(entry, fallback=repr), f"the step {entry.label!r} that it adds")
        secrets.require_apart(stowed)
        return stowed

    rest, drop = revised.replace_rest, _listed(revised.drop, step, "drop")
    if rest is not None and drop:
        raise ResultError(f"step {step!r}: a revision takes replace_rest or drop, not both: leave out what is dropped")
    for name in drop:
        if not isinstance(name, str):
            raise ResultError(f"step {step!r}: drop takes names of steps, not {type(name).__qualname__}")
    return replace(
        revised,
        insert=pack(revised.insert, "insert"),
        append=pack(revised.append, "append"),
        replace_rest=None if rest is None else pack(rest, "replace_rest"),
        reason=None if revised.reason is None else check_reason(revised.reason, step, "Revised"),
    )


def with_author(leased: Leased, revised: Revised[Value], registry: ActivityRegistry) -> Leased:
    """Return a step with the facts for judging its revision: whether it is an agent, and the interfaces known here."""
    entries = (*revised.insert, *(revised.replace_rest or ()), *revised.append)
    known = {name: registry.interface(name) for name in {step.activity for step in steps_of(entries)}}
    interfaces = {name: interface for name, interface in known.items() if interface is not None}
    topic = leased.message.topic
    return replace(leased, interfaces=interfaces, agent=topic in registry and registry[topic].is_agent)


def _listed(given: Any, step: str, what: str) -> Sequence[Any]:
    if isinstance(given, str | Entry) or not isinstance(given, Sequence):
        raise ResultError(f"step {step!r}: {what} of a revision is a list, not {type(given).__qualname__}")
    return cast("Sequence[Any]", given)


def _stow(entry: Any, step: str, blobs: list[Blob]) -> Entry:
    if not isinstance(entry, Entry):
        kind = type(entry).__qualname__
        text = f"step {step!r}: a revision takes Steps, not {kind}: write Step('name', {{'argument': …}})"
        raise ResultError(text)

    def named(each: Entry) -> Entry:
        if isinstance(each, Unnamed):
            raise ResultError(
                f"step {step!r}: a revision names activities: write Step({each.label!r}), and register it"
            )
        return each

    try:
        check_conditions([entry.with_steps(named)])
    except ValueError as error:
        raise ResultError(f"step {step!r}: a revision: {error}") from error
    packed, more = stow(entry)
    blobs.extend(more)
    return packed

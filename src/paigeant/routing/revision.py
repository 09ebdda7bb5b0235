"""Revisions: changes of the remaining itinerary within the policy that travels with the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from paigeant.errors import Terminal
from paigeant.model.entries.entry import Entry, count, placed
from paigeant.model.entries.step import Step, against, steps_of
from paigeant.model.hops import Leased
from paigeant.model.limits import STEPS
from paigeant.model.outcomes import Revised
from paigeant.model.plan_text import Itinerary, Planned, PlanText
from paigeant.model.revision import RevisedEntry, Revision, SlipPolicy
from paigeant.model.tree.resolving import sub_workflows
from paigeant.model.values.showing import did_you_mean
from paigeant.model.values.values import Value


class RevisionRefused(Terminal):
    """Refused revision: it violates the policy, or would make the run longer than the limit."""


class RevisedAhead(NamedTuple):
    """Itinerary after a revision, its policy from now on, and the record of the revision."""

    itinerary: Itinerary
    policy: SlipPolicy | None
    revision: Revision


def entries_ahead(remaining: Sequence[Entry], outcome: Revised[Value]) -> tuple[Entry, ...]:
    """Return the entries ahead after a revision, in order."""
    kept: Iterable[Entry] = remaining if outcome.replace_rest is None else outcome.replace_rest
    if outcome.drop:
        kept = [entry for entry in kept if not names_of(entry) & set(outcome.drop)]
    return (*outcome.insert, *kept, *outcome.append)


def names_of(entry: Entry) -> set[str]:
    """Return the names of an entry: its label, and the ``name`` of a step."""
    named = entry.name if isinstance(entry, Step) else None
    return {entry.label} if named is None else {entry.label, named}


def revise(leased: Leased, outcome: Revised[Value]) -> RevisedAhead:
    """Return the itinerary after the current step has revised it.

    An unchanged entry keeps its identity, once, and its interface at dispatch; a new or changed entry gets an identity
    from the current position, and the interfaces in ``leased.interfaces``. Raises :class:`RevisionRefused`, which names
    the rule and the step.
    """
    message = leased.message
    remaining, policy = message.routing_slip.itinerary.rest, message.routing_slip.policy
    workflow_id, path, position = message.key
    _check_dropped(message.topic, remaining, outcome)
    wanted = entries_ahead(remaining, outcome)
    places = {entry.id: (index, entry) for index, entry in enumerate(remaining)}
    interfaces = {**leased.interfaces, **_dispatched(remaining)}  # the remaining entries keep their older interfaces
    plan: list[Planned] = []
    added: list[RevisedEntry] = []
    for n, entry in enumerate(wanted):
        known = places.get(entry.id)
        if known is not None and known[1] == entry:
            del places[entry.id]
            plan.append(Planned(placed(entry, None), remaining.place(known[0])))
        else:
            plan.append(Planned(placed(against(entry, interfaces), None), f"{position}.{n}"))
            added.append(RevisedEntry.of(n, plan[-1].entry))
    discarded = tuple(RevisedEntry.of(index, placed(entry, None)) for index, entry in places.values())
    revision = Revision(
        author=message.topic,
        agent=leased.agent,
        reason=outcome.reason,
        added=tuple(added),
        discarded=discarded,
        ahead=len(plan),
    )
    judged = judge_revision(revision, policy, position + count(wanted))
    return RevisedAhead(Itinerary(PlanText(plan), workflow_id, path), judged, revision)


def _check_dropped(author: str, remaining: Sequence[Entry], outcome: Revised[Value]) -> None:
    there = {name for entry in remaining for name in names_of(entry)}
    for name in outcome.drop:
        if name not in there:
            text = f"the revision of step {author!r} drops {name!r}, which is not ahead; {did_you_mean(name, there)}"
            raise RevisionRefused(text)


def _check_known(revision: Revision) -> None:
    """Raise RevisionRefused for a sub-workflow: its plan was not known at the dispatch of this run."""
    for entry in sub_workflows(each.entry for each in revision.added):
        text = f"it adds sub-workflow {entry.workflow!r}, whose plan is taken when a run is dispatched, and not later"
        raise _refused(revision, text)


def judge_revision(revision: Revision, policy: SlipPolicy | None, total: int) -> SlipPolicy | None:
    """Return the policy for the rest of the run; raises RevisionRefused for a change that it does not allow.

    The path then has ``total`` entries, done and ahead.
    """
    added = count(each.entry for each in revision.added)
    _check_known(revision)
    if total > STEPS:
        raise _refused(revision, f"it makes the run {total:,} entries long, and at most {STEPS:,} are allowed")
    if revision.agent:
        _judge_agent(revision, policy)
    if policy is None:
        return None
    _judge_limits(revision, policy, added, total)
    return policy.counting(added) if added else policy


def _judge_limits(revision: Revision, policy: SlipPolicy, added: int, total: int) -> None:
    limits = policy.limits
    for step in steps_of(each.entry for each in revision.added):
        if limits.allow is not None and step.activity not in limits.allow:
            raise _refused(revision, f"it adds {step.activity!r}, and allow has {_listed(limits.allow)}")
    if limits.max_added is not None and policy.added + added > limits.max_added:
        text = f"it adds {added} entries ({_labels(revision)}) to {policy.added} added before, and max_added is"
        raise _refused(revision, f"{text} {limits.max_added}")
    if limits.max_total is not None and total > limits.max_total:
        text = f"it makes {total} entries in all by adding {_labels(revision)}, and max_total is {limits.max_total}"
        raise _refused(revision, text)
    for step in steps_of(each.entry for each in revision.discarded):
        if names_of(step) & set(limits.forbid_drop):
            raise _refused(revision, f"it drops {step.activity!r}, and forbid_drop has {_listed(limits.forbid_drop)}")


def _judge_agent(revision: Revision, policy: SlipPolicy | None) -> None:
    """Raise RevisionRefused for changes that agents may not make: they may only add activities with arguments."""
    if policy is None or not policy.agents:
        raise _refused(
            revision, "an agent revises only a workflow with a policy: Workflow(…, revision=RevisionPolicy())"
        )
    for each in revision.added:
        entry = each.entry
        if not isinstance(entry, Step):
            raise _refused(revision, f"it adds a {entry.kind}, and an agent adds steps only")
        bare = Step(entry.activity, entry.arguments, name=entry.name, claims=entry.claims, interface=entry.interface)
        if entry != bare:
            text = f"it adds {entry.activity!r} with a condition or options, and an agent gives arguments only"
            raise _refused(revision, text)


def _refused(revision: Revision, why: str) -> RevisionRefused:
    return RevisionRefused(f"the revision of step {revision.author!r} is refused: {why}")


def _labels(revision: Revision) -> str:
    return _listed([each.entry.label for each in revision.added])


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown or "nothing"  # noqa: PLR2004  (a line)


def _dispatched(entries: Iterable[Entry]) -> Mapping[str, str]:
    return {step.activity: step.interface for step in steps_of(entries) if step.interface is not None}

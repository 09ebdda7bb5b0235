"""Check of secrets against the entries of a plan: no entry may use one in a decision, or store it in clear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from paigeant.model.entries.entry import Entry
from paigeant.model.plan import Plan
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.values.showing import did_you_mean
from paigeant.routing.conditions import names_asked_by


def check_secrets(plan: Plan) -> None:
    """Raise ValueError, with the reason, if the secrets of a plan conflict with its entries.

    Every reader must be a step of the plan, or one that a step may add. Only the steps' code knows all names.
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
    """Raise ValueError if an entry decides by a secret, or stores a clear value under its name."""
    for entry in entries:
        why = next(_misuses(policy, entry), None)
        if why is not None:
            raise ValueError(f"{entry.label!r}: {why}")
        if not entry.separate:
            check_apart(policy, entry.inner)


def _misuses(policy: SecretPolicy, entry: Entry) -> Iterator[str]:
    for when in entry.conditions:
        for name in (each for each in policy.readers if _names(when, each)):
            yield f"the condition {when!r} names {name!r}, a secret: have the step that may read it set a variable"
    for name, why in entry.exposed():
        if name in policy.readers:
            yield why


def _names(when: str, name: str) -> bool:
    """True if a condition uses a secret, by itself or as a field of the whole input."""
    way = re.escape(name)
    within = rf"\bpayload\s*(\.\s*{way}\b|\[\s*[rR]?(['\"]){way}\2)"
    return name in names_asked_by(when) or re.search(within, when) is not None

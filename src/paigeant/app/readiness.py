"""Readiness checks of a worker: its activities, store and transport."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from paigeant.activities.registry import ActivityRegistry
from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError, RegistrationError, UnknownStep
from paigeant.model.checks.findings import Finding, Severity
from paigeant.model.checks.flaws import WorkflowFlaw
from paigeant.model.events import Noticed
from paigeant.model.plan import Plan
from paigeant.model.values.showing import shown

_CHECK: Final = "fix it, and run `paigeant check` again"
_GIVEN: Final = "fix the workflow, or give it with the input; `paigeant check` sees that once the workflow says input=…"
_KEY: Final = "set PAIGEANT_SECRET_KEY to a key that may, or have others serve that step"


async def require_ready(runtime: Runtime, env: str) -> None:
    """Report warnings; raises ConfigError for a problem in this environment (``dev``, ``prod``)."""
    for resource in (runtime.store, runtime.transport):
        for finding in await resource.examine() if resource is not None else ():
            if finding.judged(env).severity is Severity.PROBLEM:
                only = f" (PAIGEANT_ENV={env})" if finding.severity is not Severity.PROBLEM else ""
                text = f"{finding.said}{only}: {finding.fix}"
                raise ConfigError(text)
            if finding.severity is Severity.WARNING:
                runtime.report(Noticed(runtime.owner, finding))


def require_activities(registry: ActivityRegistry, asked: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of the activities to serve, the named ones or all; raises UnknownStep, or if there are none."""
    topics = tuple(registry) if asked is None else tuple(dict.fromkeys(asked))
    for name in topics:
        if name not in registry:
            there = ", ".join(sorted(registry)) or "none"
            raise UnknownStep(f"no activity {shown(name)} to serve; there are: {there}")
    if not topics:
        raise RegistrationError(
            "nothing to serve: no activity is registered; decorate a function with @activity.execute()"
        )
    return topics


def warn_of_unread(runtime: Runtime, plans: Iterable[Plan], topics: Collection[str]) -> None:
    """Report workflows with served steps whose secrets this process cannot read: their runs wait here."""
    for plan in plans:
        policy = plan.secrets
        for topic in () if policy is None else [each for each in topics if policy.readable(each)]:
            try:
                why = None if runtime.secrets().reads(topic) else "its key has not that right"
            except ConfigError as error:
                why = str(error)
            if why is not None:
                text = (
                    f"workflow {plan.name!r}: step {topic!r} reads secrets, and this worker may not read:{topic}: {why}"
                )
                runtime.report(Noticed(runtime.owner, Finding.warning("secrets", text, _KEY)))


def warn_of(runtime: Runtime, flaws: Iterable[WorkflowFlaw], *, dispatched: bool = False) -> None:
    """Report flaws of workflows, which are served nevertheless, or of a run that was ``dispatched``, by its input."""
    for flaw in flaws:
        cure = _GIVEN if dispatched and flaw.rule.startswith("missing") else _CHECK
        runtime.report(Noticed(runtime.owner, Finding.warning("workflow", str(flaw), cure)))

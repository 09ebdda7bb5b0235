"""Whether there is what a worker needs: activities, and a store and a transport that are fit to be worked with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from paigeant.activities.registry import ActivityRegistry
from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError, RegistrationError, UnknownStep
from paigeant.model.checks.findings import Finding, Severity
from paigeant.model.checks.flaws import WorkflowFlaw
from paigeant.model.events import Noticed

_CHECK: Final = "fix it, and run `paigeant check` again"


async def require_ready(runtime: Runtime, env: str) -> None:
    """Report what should be fixed; raises ConfigError for what must be, in this environment (``dev``, ``prod``)."""
    for resource in (runtime.store, runtime.transport):
        for finding in await resource.examine() if resource is not None else ():
            if finding.judged(env).severity is Severity.PROBLEM:
                only = f" (PAIGEANT_ENV={env})" if finding.severity is not Severity.PROBLEM else ""
                text = f"{finding.said}{only}: {finding.fix}"
                raise ConfigError(text)
            if finding.severity is Severity.WARNING:
                runtime.report(Noticed(runtime.owner, finding))


def require_activities(registry: ActivityRegistry, asked: Collection[str] | None) -> tuple[str, ...]:
    """Return the names of the activities to serve, those asked for or all; raises UnknownStep, or if there are none."""
    topics = tuple(registry) if asked is None else tuple(dict.fromkeys(asked))
    for name in topics:
        if name not in registry:
            there = ", ".join(sorted(registry)) or "none"
            raise UnknownStep(f"no activity {name!r} to serve; there are: {there}")
    if not topics:
        raise RegistrationError(
            "nothing to serve: no activity is registered; decorate a function with @activity.execute()"
        )
    return topics


def warn_of(runtime: Runtime, flaws: Iterable[WorkflowFlaw]) -> None:
    """Report what is wrong with workflows; they are served all the same."""
    for flaw in flaws:
        runtime.report(Noticed(runtime.owner, Finding.warning("workflow", str(flaw), _CHECK)))

"""Whether store and transport are fit to be worked with; asked at a worker's start, before anything is leased."""

from __future__ import annotations

from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Severity
from paigeant.model.events import Noticed


async def require_ready(runtime: Runtime, env: str) -> None:
    """Report what ought to be mended; raises ConfigError for what must be, in this environment (``dev``, ``prod``)."""
    for resource in (runtime.store, runtime.transport):
        for finding in await resource.examine() if resource is not None else ():
            if finding.judged(env).severity is Severity.PROBLEM:
                only = f" (PAIGEANT_ENV={env})" if finding.severity is not Severity.PROBLEM else ""
                text = f"{finding.said}{only}: {finding.mend}"
                raise ConfigError(text)
            if finding.severity is Severity.WARNING:
                runtime.report(Noticed(runtime.owner, finding))

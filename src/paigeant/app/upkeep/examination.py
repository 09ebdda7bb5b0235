"""Examination of an installation and everything it is configured to use, from outside."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from re import findall, search
from typing import Final, NamedTuple

from paigeant.abc import Resource, Store
from paigeant.app.choosing import choose_store, choose_transport
from paigeant.app.upkeep.safety import examine_safety
from paigeant.app.upkeep.signing import examine_keys, examine_published
from paigeant.config import Settings
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.model.checks.findings import Finding, Severity
from paigeant.model.runs import RunStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.plugins import redacted_url

_MANY: Final = 1_000
"""Limit of counting."""

_AGENTS: Final = "pydantic-ai-slim"


class Examined(NamedTuple):
    """A finding, the part of the installation it is about, and the error that it represents, if any."""

    part: str
    finding: Finding
    error: PaigeantError | None = None

    @property
    def is_problem(self) -> bool:
        """True if it does not work before somebody fixes it."""
        return self.finding.severity is Severity.PROBLEM


async def examine(settings: Settings) -> AsyncGenerator[Examined, None]:
    """Yield findings about the installation, the settings, the store, the transport and their work."""
    safety = examine_safety(settings)
    for part, findings in (("python", _installation()), ("settings", _settings(settings)), ("settings", safety)):
        for finding in findings:
            yield _judged(part, finding, settings)
    for finding in await examine_keys(settings):
        yield _judged("settings", finding, settings)
    async for examined in _resource("store", redacted_url(settings.store), lambda: choose_store(settings), settings):
        yield examined
    url = redacted_url(settings.transport or "")
    async for examined in _resource("transport", url, lambda: choose_transport(settings), settings):
        yield examined


def failed(part: str, about: str, error: PaigeantError) -> Examined:
    """Return an error as a finding; its text contains the remedy."""
    return Examined(part, Finding(about=about, severity=Severity.PROBLEM, said=str(error)), error)


async def _resource(
    part: str, name: str, choose: Callable[[], Resource | None], settings: Settings
) -> AsyncGenerator[Examined, None]:
    """Open a part and yield its findings; a failure to open it is a finding too."""
    try:
        resource = choose()
        if resource is None:
            yield _judged(part, Finding.ok("reachable", "none: the store itself is the queue"), settings)
            return
        if isinstance(resource, Store) and not _is_there(resource):
            nothing = f"{name} is not there yet: the first dispatch, or worker, makes it"
            yield _judged(part, Finding.ok("reachable", nothing), settings)
            return
        async with resource:
            yield _judged(part, Finding.ok("reachable", name), settings)
            for finding in await resource.examine():
                yield _judged(part, finding, settings)
            if isinstance(resource, Store):
                for finding in (*await examine_published(settings, resource), *await _examine_work(resource)):
                    yield _judged("work", finding, settings)
    except (ConfigError, Unavailable) as error:
        yield failed(part, "reachable" if isinstance(error, Unavailable) else "usable", error)


def _is_there(store: Store) -> bool:
    schema = store.schema()
    return schema is None or schema.is_there()


def _judged(part: str, finding: Finding, settings: Settings) -> Examined:
    return Examined(part, finding.judged(settings.env))


def _installation() -> Iterable[Finding]:
    yield Finding.ok("version", f"Paigeant {version('paigeant')} on Python {sys.version.split()[0]}")
    required = [line for line in requires("paigeant") or () if "extra ==" not in line]
    for line in required:
        if line.startswith(_AGENTS):
            yield _agents(line.removeprefix(_AGENTS))
    installed = sorted(extra for extra, packages in _extras().items() if all(map(_is_installed, packages)))
    yield Finding.ok("extras", ", ".join(installed) or "none")


def _agents(allowed: str) -> Finding:
    """Compare the installed pydantic-ai with the required range; pip checks it only at installation."""
    if not _is_installed(_AGENTS):
        return Finding.problem("pydantic-ai", "it is not installed", f"pip install '{_AGENTS}{allowed}'")
    there = version(_AGENTS)
    fits = all(
        _numbers(there) >= _numbers(bound) if sign == ">=" else _numbers(there) < _numbers(bound)
        for sign, bound in findall(r"(>=|<)([\d.]+)", allowed)
    )
    if fits:
        return Finding.ok("pydantic-ai", there)
    return Finding.problem(
        "pydantic-ai", f"{there}, which is outside of {allowed}", f"pip install '{_AGENTS}{allowed}'"
    )


def _numbers(text: str) -> list[int]:
    return [int(part) for part in findall(r"\d+", text)[:3]]


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _extras() -> dict[str, list[str]]:
    """Return the packages of each extra."""
    found: dict[str, list[str]] = {}
    for line in requires("paigeant") or ():
        extra, package = search(r"extra == ['\"]([\w-]+)", line), search(r"^[\w.-]+", line)
        if extra and package:
            found.setdefault(extra[1], []).append(package[0])
    return found


def _settings(settings: Settings) -> Iterable[Finding]:
    yield Finding.ok("from", str(settings.file or "no paigeant.yaml here or above"))
    yield Finding.ok("namespace", settings.namespace)
    yield Finding.ok("env", settings.env)


async def _examine_work(store: Store) -> list[Finding]:
    """Return findings about the work in a store, and its workers."""
    workers, unserved = await store.list_workers(), sorted(await store.find_unserved())
    parked = await store.list_runs(RunFilter(status=(RunStatus.WAITING,)), limit=_MANY)
    letters = await store.count_dead_letters()
    paused = await store.load_pauses()
    hosts = {card.host for card in workers}
    return [
        Finding.ok(
            "workers",
            f"{len(workers)} alive, on {len(hosts)} machine{'' if len(hosts) == 1 else 's'}"
            if workers
            else "none alive",
        ),
        _unserved(unserved),
        _paused(paused),
        _count("waiting", len(parked.runs), "run waits", "runs wait", "look at `paigeant runs --status waiting`"),
        _count(
            "dead letters",
            letters,
            "message could not be run",
            "messages could not be run",
            "look at `paigeant dead list`",
        ),
    ]


def _unserved(topics: list[str]) -> Finding:
    if not topics:
        return Finding.ok("unserved", "every step that waits has a worker")
    said = f"no living worker serves {', '.join(topics[:5])}" + (f" and {len(topics) - 5} more" if topics[5:] else "")
    return Finding.warning("unserved", said, "start a worker that does: `paigeant run handlers.py`")


def _paused(models: Mapping[str, float]) -> Finding:
    if not models:
        return Finding.ok("providers", "none has asked to be left alone")
    said = ", ".join(f"{model} for {left:.0f} s yet" for model, left in sorted(models.items())[:5])
    fix = "wait: the steps that ask them go on by themselves; if it comes often, let fewer run at a time"
    return Finding.warning("providers", f"left alone, for they refuse requests: {said}", fix)


def _count(about: str, found: int, one: str, several: str, fix: str) -> Finding:
    said = f"{found:,}{' or more' if found == _MANY else ''} {one if found == 1 else several}"
    return Finding.warning(about, said, fix) if found else Finding.ok(about, "none")

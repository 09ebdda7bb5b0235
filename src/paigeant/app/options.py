"""Validation of the arguments of ``Paigeant`` and its methods, before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import ModuleType
from typing import Any, Final, NamedTuple, TypedDict, cast
from uuid import UUID

from paigeant.activities.registry import ActivityRegistry
from paigeant.app.declaration import Declaration
from paigeant.app.handlers import Handlers
from paigeant.app.run_ids import read_run_id
from paigeant.config import Settings
from paigeant.engine.dispatcher import DispatchOptions
from paigeant.errors import InvalidInput, PaigeantError, RegistrationError
from paigeant.model.checks.options import written_at
from paigeant.model.plan import Plan
from paigeant.model.revision import RevisionPolicy
from paigeant.model.runs import PAGE, RunStatus
from paigeant.model.spending.budgets import Budget, read_budgets
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.values.durations import Duration, seconds_of
from paigeant.model.values.showing import did_you_mean, shown

CONCURRENCY: Final = 100_000
"""Limit of concurrent steps in a worker."""


class ManyArguments(TypedDict, total=False):
    """Options of many runs that are dispatched together."""

    tenant: str | None
    obo_token: str | None


class DispatchArguments(ManyArguments, total=False):
    """Options of a run at its dispatch, in addition to its input."""

    dispatch_key: str | None
    deadline: Duration | None
    revision: RevisionPolicy | None
    budget: Budget | Sequence[Budget]
    correlation_id: str | None


def read_dispatch(given: DispatchArguments) -> DispatchOptions:
    """Return the options of a dispatch; raises InvalidInput, naming the invalid one."""
    deadline, revision = given.get("deadline"), given.get("revision")
    if not isinstance(cast("Any", revision), RevisionPolicy | None):
        text = f"dispatch: revision is {shown(revision)}; it should be a RevisionPolicy: RevisionPolicy(max_added=3)"
        raise InvalidInput(f"{written_at()}: {text}")
    try:
        budgets = read_budgets(given.get("budget", ()))
    except ValueError as error:
        raise InvalidInput(f"{written_at()}: dispatch: {error}") from error
    return DispatchOptions(
        given.get("dispatch_key"),
        None if deadline is None else read_span("deadline", deadline, "dispatch"),
        given.get("tenant"),
        revision,
        given.get("correlation_id"),
        budgets,
        given.get("obo_token"),
    )


class RunsArguments(TypedDict, total=False):
    """Filters and paging of a list of runs."""

    status: RunStatus | str | None
    workflow: str | None
    since: Duration | None
    limit: int
    after: str | None
    forks_of: str | UUID | None
    parent: str | UUID | None


class PageWanted(NamedTuple):
    """Filter of a list of runs, the size of a page, and the ``next`` of the page before."""

    asked: RunFilter
    limit: int
    after: str | None


def read_wanted(given: RunsArguments) -> PageWanted:
    """Return a page of a list of runs as asked for; raises InvalidInput, and UnknownRun for an invalid id."""
    status, since, forks_of = given.get("status"), given.get("since"), given.get("forks_of")
    workflow = _read_text("workflow", given.get("workflow"))
    asked = RunFilter(
        status=() if status is None else (read_status(status),),
        workflow=() if workflow is None else (workflow,),
        created_within=None if since is None else read_span("since", since, "runs"),
        forks_of=None if forks_of is None else read_run_id(forks_of),
        parent=None if (parent := given.get("parent")) is None else read_run_id(parent),
    )
    limit = read_count("limit", given.get("limit", PAGE), "runs", 1000)
    return PageWanted(asked, limit, _read_text("after", given.get("after")))


def read_span(option: str, given: Any, what: str) -> timedelta:
    """Return a duration; raises InvalidInput, naming the option, for an invalid one."""
    try:
        return timedelta(seconds=seconds_of(given))
    except ValueError as error:
        raise InvalidInput(f"{written_at()}: {what}: {option} is {shown(given)}: {error}") from error


def read_timeout(given: Any, what: str) -> float | None:
    """Return the timeout in seconds; raises InvalidInput for an invalid duration."""
    return None if given is None else read_span("timeout", given, what).total_seconds()


def read_count(option: str, given: Any, what: str, most: int) -> int:
    """Return a whole number from 1 to ``most``; raises InvalidInput, naming the option, for anything else."""
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        text = f"{what}: {option} is {shown(given)}; it should be a whole number from 1 to {most:,}"
        raise InvalidInput(f"{written_at()}: {text}")
    return given


def read_flag(option: str, given: Any, what: str) -> bool:
    """Return a boolean; raises InvalidInput, naming the option, for anything else, also for truthy values."""
    if not isinstance(given, bool):
        raise InvalidInput(f"{written_at()}: {what}: {option} is {shown(given)}; it should be True or False")
    return given


def read_concurrency(given: Any) -> int | None:
    """Return the number of concurrent steps of a worker, None by default; raises InvalidInput."""
    return None if given is None else read_count("concurrency", given, "worker", CONCURRENCY)


def read_served(given: Any) -> list[Any] | None:
    """Return the activity names that a worker is to serve, None for all; raises InvalidInput unless it is a list."""
    return None if given is None else _read_several("activities", given, "worker", "a list of names: ['charge']")


def read_names(option: str, given: Any, what: str) -> list[str]:
    """Return names; raises InvalidInput, naming the option, for what is no list of them."""
    names = _read_several(option, given, what, "a name, or a list of names")
    if wrong := [each for each in names if not isinstance(each, str)]:
        raise InvalidInput(f"{written_at()}: {what}: {option} has {shown(wrong[0])}, which is no name")
    return names


def read_payloads(given: Any) -> Iterable[Any]:
    """Return the inputs of many runs; raises InvalidInput unless it is an iterable of inputs."""
    return _read_several("payloads", given, "dispatch_many", "a list of inputs")


def read_declaration(workflow: Any) -> Declaration[Any, Any]:
    """Return a workflow whose types are known; raises InvalidInput for its name alone."""
    if not isinstance(workflow, Declaration):
        text = f"run: workflow is {shown(workflow)}; it should be a Workflow, whose output has a type"
        raise InvalidInput(f"{written_at()}: {text}")
    return cast("Declaration[Any, Any]", workflow)


def _read_several(option: str, given: Any, what: str, right: str) -> list[Any]:
    """Return the items of a list or another iterable; raises InvalidInput for a text, dictionary or single value."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InvalidInput(f"{written_at()}: {what}: {option} is {shown(given)}; it should be {right}")
    return list(cast("Iterable[Any]", given))


def _read_text(option: str, given: Any) -> str | None:
    if given is None or isinstance(given, str):
        return given
    raise InvalidInput(f"{written_at()}: runs: {option} is {shown(given)}; it should be text")


def read_status(given: str) -> RunStatus:
    """Return the status of this name; raises InvalidInput with the closest valid name."""
    try:
        return RunStatus(given)
    except ValueError as error:
        text = f"{written_at()}: runs: status is {shown(given)}; {did_you_mean(str(given), map(str, RunStatus))}"
        raise InvalidInput(text) from error


def check_parts(handlers: Any, workflows: Any, settings: Any, create: Any) -> list[Declaration[Any, Any] | Plan]:
    """Return the workflows given to ``Paigeant``; raises RegistrationError, naming an invalid argument."""
    if not isinstance(create, bool):
        raise _wrong("create", create, "True or False")
    if handlers is not None and not isinstance(handlers, ModuleType | ActivityRegistry | Handlers):
        cure = f"import {handlers}; Paigeant({handlers})" if _is_name(handlers) else "Paigeant(handlers)"
        raise _wrong("handlers", handlers, f"a module or an ActivityRegistry: {cure}")
    if settings is not None and not isinstance(settings, Settings):
        raise _wrong("settings", settings, "Settings: from paigeant.config import Settings")
    if isinstance(workflows, Declaration | Plan | str) or not isinstance(workflows, Iterable):
        raise _wrong("workflows", workflows, "a list of Workflows: Paigeant(workflows=[flow])")
    given = list(cast("Iterable[Any]", workflows))
    for each in given:
        if not isinstance(each, Declaration | Plan):
            raise _wrong("workflows", each, "a list of Workflows: Paigeant(workflows=[flow])")
    return given


def check_workflow(workflow: Any, what: str) -> None:
    """Raise InvalidInput unless it is the name of a workflow, or a workflow."""
    if not isinstance(workflow, str | Declaration):
        text = f"{written_at()}: {what}: workflow is {shown(workflow)}; it should be a name, or a Workflow"
        raise InvalidInput(text)


def _is_name(handlers: Any) -> bool:
    return isinstance(handlers, str) and handlers.isidentifier()


def _wrong(option: str, given: Any, right: str) -> PaigeantError:
    return RegistrationError(f"{written_at()}: Paigeant: {option} is {shown(given)}; it should be {right}")

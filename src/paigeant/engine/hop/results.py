"""Results: from an activity's return value to an outcome, validated and serialised, with large values set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, cast

from pydantic import TypeAdapter

from paigeant.activities.faults import clean
from paigeant.activities.shapes import serialise
from paigeant.engine.hop.returned.revisions import accept_revision
from paigeant.engine.hop.returned.stated import check_name, check_reason, pack
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.errors import ResultError, Terminal
from paigeant.model.calls.histories import History
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.outcomes import Completed, Faulted, Finished, Outcome, Parked, Retrying, Revised
from paigeant.model.values.durations import seconds_or_none
from paigeant.model.values.shapes import ANYTHING
from paigeant.model.values.values import Blob, Value, shelve

Done: TypeAlias = Completed[Any] | Revised[Any] | Finished[Any]

_DONE: Final[tuple[type[Any], ...]] = (Completed, Revised, Finished)
_OUTCOMES: Final[tuple[type[Any], ...]] = (*_DONE, Parked, Retrying, Faulted)


@dataclass(slots=True)
class Execution:
    """Result of one execution, and the large values that its commit must write.

    ``input`` has the values of its arguments; ``error`` is the exception it raised, ``history`` the conversation of an
    agent.
    """

    outcome: AnyOutcome
    blobs: Sequence[Blob] = ()
    input: dict[str, Value] | None = None
    error: Exception | None = None
    history: History | None = None


def accept(result: object, shape: TypeAdapter[Any], secrets: StepSecrets, name: str | None) -> Execution:
    """Return the execution with this result, whose output must have this shape.

    The output is sealed if it has the ``name`` of a secret. Raises :class:`~paigeant.errors.ResultError`, naming step
    and type, for an invalid result, and for one that contains a held secret in clear.
    """
    step = secrets.step
    if not isinstance(result, _OUTCOMES):
        json = serialise(shape, result, f"step {step!r}: result")
        value, blob = shelve(secrets.keep(json, "its result", name))
        return Execution(Completed(value), () if blob is None else (blob,))
    if isinstance(result, Parked):
        return Execution(_check_parked(result, secrets))
    if isinstance(result, _DONE):
        return _accept_done(cast("Done", result), shape, secrets, name)
    return Execution(result)


def _accept_done(done: Done, shape: TypeAdapter[Any], secrets: StepSecrets, name: str | None) -> Execution:
    step, blobs = secrets.step, list[Blob]()

    if _is_outcome(done.output):
        kinds = [type(each).__name__ for each in (cast("object", done), done.output)]
        raise ResultError(f"step {step!r}: the output of its {kinds[0]} is a {kinds[1]}: return that by itself")
    json = serialise(shape, done.output, f"step {step!r}: result")
    secrets.hold(name, json)
    variables, more = pack(done.variables, secrets)
    blobs += more
    output = _keep(blobs, secrets.keep(json, "its result", name))
    log = None
    if done.log is not None:
        log = _keep(blobs, secrets.keep(serialise(ANYTHING, done.log, f"step {step!r}: log"), "its log"))
    packed: Outcome[Value] = replace(done, output=output, log=log, variables=variables)
    if isinstance(packed, Finished) and packed.reason is not None:
        packed = replace(packed, reason=check_reason(packed.reason, step, "Finished"))
    if isinstance(packed, Revised):
        packed = accept_revision(packed, blobs, secrets)
    return Execution(packed, blobs)


def with_variables(failed: Execution, secrets: StepSecrets) -> Execution:
    """Return a failed execution with the variables that a Terminal error sets.

    If they cannot be stored, or contain a secret, the text of the original error says so.
    """
    if not isinstance(failed.error, Terminal) or not isinstance(failed.outcome, Faulted) or not failed.error.variables:
        return failed
    outcome = failed.outcome
    try:
        variables, blobs = pack(failed.error.variables, secrets)
    except ResultError as error:
        text = clean(f"{outcome.fault.message}; its variables are not set: {error}")
        return replace(failed, outcome=replace(outcome, fault=outcome.fault.model_copy(update={"message": text})))
    return replace(failed, outcome=replace(outcome, variables=variables), blobs=[*failed.blobs, *blobs])


def _is_outcome(output: object) -> bool:
    return isinstance(output, (*_DONE, Parked))


def _check_parked(parked: Parked, secrets: StepSecrets) -> Parked:
    step = secrets.step
    reason = check_reason(parked.reason, step, "Parked")
    try:
        after = seconds_or_none(parked.resume_after)
    except ValueError as error:
        text = f"step {step!r}: Parked: resume_after: {error}"
        raise ResultError(text) from error
    if parked.signal is not None:
        secrets.require_unspoken(check_name(parked.signal, step, "signal").encode(), "the name of its signal")
    return replace(parked, reason=reason, resume_after=after)


def _keep(blobs: list[Blob], json: bytes) -> Value:
    value, blob = shelve(json)
    if blob is not None:
        blobs.append(blob)
    return value

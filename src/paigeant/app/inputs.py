"""Validation of external values, and their JSON text."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from paigeant.errors import InvalidInput
from paigeant.model.checks.names import taken
from paigeant.model.limits import DEPTH, NAME_PATTERN, VALUE_BYTES
from paigeant.model.plan import Plan
from paigeant.model.values.nesting import nesting
from paigeant.model.values.published import validator_of
from paigeant.model.values.roundtrip.writing import Refused, require_read, write
from paigeant.model.values.shapes import ANYTHING, first_problem, read
from paigeant.model.values.showing import shown
from paigeant.model.values.values import finite


def as_json(value: Any, what: str = "the input") -> bytes:
    """Return the JSON text of any value that pydantic can write and read back; raises InvalidInput."""
    try:
        require_read(value)
        return write(ANYTHING, value)
    except Refused as error:
        text = f"{what}, {type(value).__qualname__}, {error}"
        raise InvalidInput(text) from error


def _check_declared(plan: Plan, shape: TypeAdapter[Any] | None, json: bytes) -> None:
    """Raise InvalidInput for an input that does not match its workflow's declaration.

    It is validated against the type if that is known here, else against the schema published with the workflow.
    """
    if shape is None and plan.input is None:
        return
    try:
        if shape is not None:
            read(shape, json)
        elif plan.input is not None:
            validator_of(plan.input).validate_json(json)
    except ValidationError as error:
        hides = plan.secrets is not None
        text = f"the input is not what workflow {plan.name!r} declares: {first_problem(error, hides=hides)}"
        raise InvalidInput(text) from (None if hides else error)


def as_inputs(plan: Plan, shape: TypeAdapter[Any] | None, payloads: Iterable[Any]) -> Generator[bytes]:
    """Yield the JSON text of each payload; raises InvalidInput with the ``index`` of an invalid one."""
    for index, payload in enumerate(payloads):
        try:
            json = as_json(payload)
            _check_declared(plan, shape, json)
        except InvalidInput as error:
            error.index = index
            raise
        yield json


@contextmanager
def naming_payloads() -> Generator[None]:
    """Prefix errors about one of several payloads with its index."""
    try:
        yield
    except InvalidInput as error:
        if error.index is None:
            raise
        raise InvalidInput(f"payloads[{error.index}]: {error}", index=error.index, reason=str(error)) from error


def variable_as_json(name: Any, value: Any, what: str = "variable") -> bytes:
    """Return the JSON text of a variable's value; raises InvalidInput for an invalid name or value."""
    if not (isinstance(name, str) and re.fullmatch(NAME_PATTERN, name)):
        text = f"{shown(name)} is no name for a {what}: use up to 100 letters, digits, '_', '-' and '.'"
        raise InvalidInput(text)
    if (reason := taken(name)) is not None:
        text = f"{shown(name)} is no name for a {what}: {reason}"
        raise InvalidInput(text)
    json = as_json(value, "the value")
    depth = nesting(json)
    if len(json) > VALUE_BYTES or depth > DEPTH:
        text = f"the value is {len(json):,} bytes and nests {depth} deep; allowed: {VALUE_BYTES:,} and {DEPTH}"
        raise InvalidInput(text)
    try:
        finite(from_json(json))
    except ValueError as error:
        text = f"the value is not JSON: {error}"
        raise InvalidInput(text) from error
    return json

"""Variables, names and reasons that a step sets: validated, and converted to their stored form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from paigeant.activities.faults import clean
from paigeant.activities.shapes import serialise
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.errors import ResultError
from paigeant.model.checks.names import taken
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.shapes import ANYTHING
from paigeant.model.values.values import Blob, Value, shelve


class Packed(NamedTuple):
    """Variables in their stored form, and the large values behind them."""

    variables: dict[str, Value]
    blobs: list[Blob]


def pack(variables: Any, secrets: StepSecrets) -> Packed:
    """Return variables in their stored form, secrets sealed.

    Raises :class:`~paigeant.errors.ResultError` for an invalid value, and for one that contains a held secret.
    """
    step = secrets.step
    if not isinstance(variables, Mapping):
        text = f"step {step!r}: variables are a dictionary, as {{'name': value}}, not {type(variables).__qualname__}"
        raise ResultError(text)
    packed, texts = Packed({}, []), dict[str, bytes]()
    for name, value in cast("Mapping[Any, Any]", variables).items():
        check_name(name, step)
        secrets.require_unspoken(name.encode(), "the name of a variable")
        texts[name] = serialise(ANYTHING, value, f"step {step!r}: variable {name!r}")
        secrets.hold(name, texts[name])
    for name, json in texts.items():  # once all secrets are known
        packed.variables[name], blob = shelve(secrets.keep(json, f"variable {name!r}", name))
        packed.blobs.extend([] if blob is None else [blob])
    return packed


def check_name(name: Any, step: str, what: str = "variable") -> str:
    """Return a name; raises :class:`~paigeant.errors.ResultError` for an invalid one."""
    if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name):
        if (reason := taken(name)) is None:
            return name
        raise ResultError(f"step {step!r}: {name!r} is no name for a {what}: {reason}")
    text = f"step {step!r}: {name!r} is no name for a {what}: use up to 100 letters, digits, '_', '-' and '.'"
    raise ResultError(text)


def check_reason(reason: Any, step: str, what: str) -> str:
    """Return a reason in its stored form; raises :class:`~paigeant.errors.ResultError` unless it is a text."""
    if not isinstance(reason, str):
        text = f"step {step!r}: {what} takes a reason as text, not {type(reason).__qualname__}"
        raise ResultError(text)
    return clean(reason)

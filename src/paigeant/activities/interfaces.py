"""Interface of a step at dispatch, as one short line, and comparison with the code that serves it now.

``amount:5f3a02,note?:1d9c77>id:8e21b4`` is an interface: the arguments, marked if they have a default, and the result,
each with a digest of its type. It travels with the run, so that two interfaces can be compared without a lookup, and
their difference can be described in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from paigeant.activities.type_digests import kind_digest, needed_digest, result_fields

_WHOLE: Final = "*"
"""Name of a result that is not an object."""


class _Part(NamedTuple):
    """An argument, or a field of the result."""

    digest: str
    required: bool


_Parts = Mapping[str, _Part]


def interface_of(parameters: Iterable[tuple[str, Any, bool]], returns: Any) -> str:
    """Return the interface of a function: from name, annotation and requiredness of each parameter, and its output."""
    taken = {name: _Part(needed_digest(annotation), required) for name, annotation, required in parameters}
    fields = result_fields(returns) or {_WHOLE: returns}
    given = {name: _Part(kind_digest(annotation), required=True) for name, annotation in fields.items()}
    return f"{_written(taken)}>{_written(given)}"


@lru_cache(maxsize=1024)
def mismatch(dispatched: str, served: str) -> str | None:
    """Describe how the code that serves a step does not fit the interface at its run's dispatch; None if it fits.

    Compatible changes are: a new argument with a default, a new default, an argument that accepts anything, a removed
    argument, further fields of a result, and an annotation for a result. Optional fields of an argument's model, and
    fields nested deep in a result, are not compared.
    """
    (before, given), (now, gives) = _read(dispatched), _read(served)
    wrong = [*_wrong_arguments(before, now), *_wrong_results(given, gives)]
    return "; ".join(dict.fromkeys(wrong)) or None


def _wrong_arguments(before: _Parts, now: _Parts) -> Iterator[str]:
    for name, part in now.items():
        old = before.get(name)
        if old is None:
            if part.required:
                yield f"argument {name!r} is new and has no default"
        elif part.digest not in {old.digest, _ANYTHING}:
            yield f"argument {name!r} has another type"
        elif part.required and not old.required:
            yield f"argument {name!r} has no default any more"


def _wrong_results(before: _Parts, now: _Parts) -> Iterator[str]:
    for name, part in before.items():
        same_kind = (_WHOLE in before) == (_WHOLE in now)
        if part.digest == _SOMETHING or (name in now and now[name].digest == part.digest):
            continue
        what = "its result" if name == _WHOLE or not same_kind else f"the field {name!r} of its result"
        yield f"{what} has another type" if name in now or not same_kind else f"{what} is gone"


def _written(parts: _Parts) -> str:
    return ",".join(
        f"{quote(name, safe=_WHOLE)}{'' if part.required else '?'}:{part.digest}"
        for name, part in sorted(parts.items())
    )


def _read(interface: str) -> tuple[_Parts, _Parts]:
    taken, _, given = interface.partition(">")
    return _parts(taken), _parts(given)


def _parts(text: str) -> _Parts:
    parts: dict[str, _Part] = {}
    for each in filter(None, text.split(",")):
        name, _, digest = each.partition(":")
        parts[unquote(name.removesuffix("?"))] = _Part(digest, not name.endswith("?"))
    return parts


_ANYTHING: Final = needed_digest(Any)
"""An argument without an annotation."""

_SOMETHING: Final = kind_digest(Any)
"""A result without one."""

"""Translation of Redis failures: temporary ones, permanent ones, and those of a wrong server."""

from __future__ import annotations

import re
from ast import literal_eval
from contextlib import suppress
from typing import Final

from redis import exceptions as failed

from paigeant.errors import ConfigError, Unavailable

_WAIT: Final = {
    "OOM": "its memory is full: messages wait in the store until there is room",
    "MISCONF": "it cannot write to its disk",
    "READONLY": "it is a replica, which takes no messages",
    "MASTERDOWN": "it is a replica that has lost its master",
    "NOREPLICAS": "it has fewer replicas than it is configured to have",
    "BUSY": "it is busy with a script",
    "LOADING": "it is loading its data",
}
_CODES: Final[dict[type[Exception], str]] = {
    failed.OutOfMemoryError: "OOM",
    failed.ReadOnlyError: "READONLY",
    failed.ClusterDownError: "CLUSTERDOWN",
    failed.MasterDownError: "MASTERDOWN",
    failed.TryAgainError: "TRYAGAIN",
    failed.BusyLoadingError: "LOADING",
    failed.MovedError: "MOVED",
    failed.AskError: "ASK",
    failed.ClusterCrossSlotError: "CROSSSLOT",
    failed.AuthenticationError: "WRONGPASS",
    failed.AuthorizationError: "NOPERM",
    failed.NoPermissionError: "NOPERM",
}
"""Codes of errors whose texts the client has stripped of them."""

_WRONG_SERVER: Final = frozenset(
    {"READONLY", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "LOADING", "MOVED", "ASK", "CROSSSLOT"}
    | {"NOAUTH", "WRONGPASS", "NOPERM"}
)
"""Codes of a server that is not, or not yet, the intended one."""

_ROLE_CHANGED: Final = "instance state changed"
"""In the text of UNBLOCKED: the server became a replica while a read waited; else its stream was deleted."""

_WITHIN: Final = re.compile(r"Command # \d+ .* of pipeline caused error: (\(.*\))", re.DOTALL)
"""What the client makes of an answer within a transaction, the answer itself in a tuple as Python writes it."""


class GroupMissing(Exception):
    """A stream, or its consumer group, does not exist: never created, or flushed."""


class GroupExists(Exception):
    """The consumer group exists already."""


_GROUP: Final = {"NOGROUP": GroupMissing, "UNBLOCKED": GroupMissing, "BUSYGROUP": GroupExists}
OF_A_CLUSTER: Final = "is a node of a Redis Cluster, which is not supported: name a server that is in none"
_CLUSTER: Final = (failed.AskError, failed.ClusterCrossSlotError, failed.ClusterDownError, failed.TryAgainError)
_MEND: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...]] = (
    ((failed.AuthenticationError, failed.AuthorizationError), "", "refuses this user name or password"),
    (failed.NoPermissionError, "", "does not give this user enough rights"),
    (failed.InvalidResponse, "", "is no Redis"),
    (failed.RedisError, "rotocol error", "is no Redis"),
    (failed.ConnectionError, "SSL", "cannot be reached with TLS as asked for"),
    (failed.ConnectionError, "certificate", "cannot be reached with TLS as asked for"),
    (_CLUSTER, "", OF_A_CLUSTER),
    (failed.ResponseError, "", "cannot be used"),
)
"""Permanent errors: the error's class, a word of its text, and the explanation. The first match counts."""


def translate(name: str, error: Exception) -> Exception:
    """Return a failure as one of our errors, or unchanged if it is a bug of this program."""
    text, code = _text_of(error), code_of(error)
    if code in _WAIT:
        return Unavailable(f"{name} takes no messages: {_WAIT[code]}")
    if code == "UNBLOCKED" and _ROLE_CHANGED in text:
        return Unavailable(f"{name} takes no messages: {_WAIT['READONLY']}")
    if code in _GROUP:
        return _GROUP[code](text)
    for kinds, word, why in _MEND:
        if isinstance(error, kinds) and word in text:
            return ConfigError(f"{name} {why}: {text}")
    away = isinstance(error, (failed.ConnectionError, failed.TimeoutError, OSError))
    return Unavailable(f"{name} does not answer: {text}") if away else error


def is_of_wrong_server(error: Exception) -> bool:
    """True if the error means that another server is the intended one.

    After a failover behind one address such a server goes on answering on existing connections: only a new connection
    finds the right one.
    """
    return code_of(error) in _WRONG_SERVER or _ROLE_CHANGED in _text_of(error)


def code_of(error: Exception) -> str:
    """Return the code of an error answer, such as READONLY."""
    return _CODES.get(type(error), _text_of(error).split(" ", 1)[0])


def _text_of(error: Exception) -> str:
    """Return what the server said; the client says of a command within a transaction which one it was."""
    text = str(error)
    if said := _WITHIN.fullmatch(text):
        with suppress(ValueError, SyntaxError):
            [text, *_] = literal_eval(said[1])
    return (text or type(error).__name__).splitlines()[0]

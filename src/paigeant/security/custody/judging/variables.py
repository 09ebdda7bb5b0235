"""Verification of the variables that a hop reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from paigeant.errors import TamperedMessage, UnsignedDeed
from paigeant.model.entries.entry import FLOW
from paigeant.model.hops import Leased
from paigeant.model.message import HopKey
from paigeant.model.values.values import Inline, Value
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.judging.adoption import variables_of
from paigeant.security.custody.records import digest_of_value


def check_variables(chain: Chain, leased: Leased, values: Mapping[str, Value]) -> None:
    """Verify that the variables that a hop reads are the signed ones; raises TamperedMessage if not.

    A variable set by a person or a signal must match its deed. A variable set by a running step is not signed yet: it
    is accepted under a name without any signed value, that no wait has used, and that no field of the input has, which
    it would hide.
    """
    path, fields = leased.grant.key.path, input_fields(leased.message.payload.input)
    for name, value in values.items():
        expected, found = chain.variable(name, path), digest_of_value(value)
        if expected == found or chain.deeds.sets(name, found):
            continue
        if expected is not None or chain.waited(name, path) or fields is None or name in fields:
            raise UnsignedDeed(f"variable {name!r}: not what was signed")


def check_missing(chain: Chain, path: str, values: Mapping[str, Value], asked: Collection[str] | None) -> None:
    """Raise TamperedMessage for a missing signed variable, of those ``asked`` for, or of all.

    Otherwise a step would get the next lower value: an older one, a field of the input, or its default.
    """
    for name in sorted(frozenset(chain.names if asked is None else asked) - values.keys() - {FLOW}):
        if chain.variable(name, path) is not None:
            raise TamperedMessage(f"variable {name!r}: it was signed, and is not in the store")


def check_signal(chain: Chain, key: HopKey, name: str, value: Value | None) -> None:
    """Raise UnsignedDeed unless a person sent a signal of this name with this value, for this wait alone."""
    digest = digest_of_value(value)
    sent = chain.deeds.signals(name, digest)
    used = sum(
        link.text.fields.get("label") == name and link.text.fields.get("vars", {}).get(name) == digest
        for link in chain.links.values()
        if link.text.fields.get("step") == FLOW and link.text.place[1:] != (key.path, key.position)
    )
    if used >= sent:
        raise UnsignedDeed(f"position {key.position}, signal {name!r}: nobody has signed that it was sent like this")


def check_published(chain: Chain, paths: Sequence[str], values: Mapping[str, Value], own: Collection[str]) -> None:
    """Raise TamperedMessage if the variables of branches are not the signed ones; of one name the last counts."""
    for name in sorted((values.keys() | chain.names) - {FLOW, *own}):
        signed = [digest for digest in (chain.set_on(name, path) for path in paths) if digest is not None]
        if signed and signed[-1] != digest_of_value(values.get(name)):
            raise TamperedMessage(f"variable {name!r}: not what was signed in a branch")


def input_fields(value: Value) -> frozenset[str] | None:
    """Return the names of an input's fields; None for one that is too large to be loaded: it may have any."""
    if not isinstance(value, Inline):
        return None
    try:
        found = value.value
    except ValueError:  # the stored text was altered
        return None
    return frozenset(found) if isinstance(found, dict) else frozenset()


class UnsignedVariable(NamedTuple):
    """Variable that does not match a signature: its place and name, the reason, and the step."""

    place: tuple[str, int, str]
    why: str
    step: str | None = None


def find_unsigned(
    chain: Chain,
    variables: Mapping[tuple[str, int, str], str],
    open_hops: Collection[tuple[str, int]],
    fields: Collection[str] | None,
) -> UnsignedVariable | None:
    """Return the first stored variable of a run that does not match a signature; None if all do.

    A variable set by a person or a signal must match its deed. ``fields`` are the names of its input's fields, None if
    it may have any.
    """
    found, links = dict(variables), chain.links.values()
    for link in links:
        for place, name, digest in variables_of(link):
            there = found.pop((*place, name), None)
            if there != digest and not chain.deeds.sets(name, there):
                return UnsignedVariable((*place, name), f"not what {link.iss} signed", link.text.fields.get("step"))
    steps = [each.text.fields for each in chain.all if each.text.fields.get("step") == FLOW]
    waits = {(said["path"], said["n"], said["label"]) for said in steps}
    names = {name for link in links for _, name, _ in variables_of(link)}
    for (path, position, name), digest in found.items():
        if chain.deeds.sets(name, digest):
            continue
        awaited, unsigned = (path, position, name) in waits, (path, position) in open_hops
        if awaited or (not unsigned and (name in names or fields is None or name in fields)):
            return UnsignedVariable((path, position, name), "nobody has signed it")
    return None

"""Variables that a hop reads, held against what was signed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from paigeant.errors import UnsignedDeed
from paigeant.model.entries.entry import FLOW
from paigeant.model.hops import Leased
from paigeant.model.values.values import Inline, Value
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.judging.adoption import variables_of
from paigeant.security.custody.records import digest_of_value


def check_variables(chain: Chain, leased: Leased, values: Mapping[str, Value]) -> None:
    """Return if the variables that a hop reads are those that were signed; raises TamperedMessage if not.

    What a person set, or a signal carried, is what its deed says. What a step sets while it runs nobody has signed yet:
    it is let through under a name for which nothing was signed, that nothing has waited for, and that no field of the
    input has, which it would take the place of.
    """
    path, fields = leased.grant.key.path, input_fields(leased.message.payload.input)
    for name, value in values.items():
        expected, found = chain.variable(name, path), digest_of_value(value)
        if expected == found or chain.deeds.sets(name, found):
            continue
        if expected is not None or chain.waited(name, path) or fields is None or name in fields:
            raise UnsignedDeed(f"variable {name!r}: not what was signed")


def input_fields(value: Value) -> frozenset[str] | None:
    """Return the names of an input's fields; None for one that is too large to be at hand: it may have any."""
    if not isinstance(value, Inline):
        return None
    found = value.value
    return frozenset(found) if isinstance(found, dict) else frozenset()


class UnsignedVariable(NamedTuple):
    """A variable that is not what was signed: its place and name, why, and of which step."""

    place: tuple[str, int, str]
    why: str
    step: str | None = None


def find_unsigned(
    chain: Chain,
    variables: Mapping[tuple[str, int, str], str],
    open_hops: Collection[tuple[str, int]],
    fields: Collection[str] | None,
) -> UnsignedVariable | None:
    """Return the first of a run's variables, as they lie in the store, that is not what was signed; None if all are.

    What a person set, or a signal carried, is what its deed says. ``fields`` are the names of its input's fields, None
    if it may have any.
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

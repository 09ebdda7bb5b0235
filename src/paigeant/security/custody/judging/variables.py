"""Variables that a hop reads, held against what was signed."""

from __future__ import annotations

from collections.abc import Mapping

from paigeant.errors import UnsignedDeed
from paigeant.model.hops import Leased
from paigeant.model.values.values import Inline, Value
from paigeant.security.custody.chain import Chain
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

"""What a step may not put out, set or record: the text of a secret that it holds."""

from __future__ import annotations

from paigeant.activities.secrecy.held import HeldSecrets
from paigeant.errors import ResultError


def require_unspoken(held: HeldSecrets, json: bytes, step: str, what: str) -> None:
    """Return if none of the secrets that a step holds is in a JSON text; raises ResultError, naming what it is in."""
    name = held.found_in(json)
    if name is not None:
        raise ResultError(f"step {step!r}: {what} has {name} in clear: it is not kept")

"""Plans of an audited run: check that they are stored unaltered, and changed only as permitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from paigeant.errors import TamperedMessage
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.stored.plans import read_plan
from paigeant.model.values.digests import encode
from paigeant.model.values.values import Blob
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.evidence.columns import HopColumns, RunColumns, Text
from paigeant.security.custody.judging.plans import check_plans, places_of
from paigeant.security.frame import write_frame
from paigeant.security.plain import PlainCodec

_REFERS: Final = '"itinerary":{"plan":'
"""Text in the body of a message that refers to its plan; it may also occur in a value."""


def find_lost_plans(run: RunColumns) -> list[str]:
    """Return the digests of missing or altered plans, among those in the evidence or needed."""
    spoilt = [name for name, column in run.plans if column.digest != _as_signed(name)]
    return spoilt or sorted({missing for missing in _missing(run) if missing not in {name for name, _ in run.plans}})


def _as_signed(name: str) -> str | None:
    """Convert the stored digest of a plan to the form in records, None if it is not a digest."""
    try:
        return encode(bytes.fromhex(name))
    except ValueError:
        return None


def _missing(run: RunColumns) -> Iterator[str]:
    """Yield the digests of plans that messages refer to."""
    for hop in run.hops:
        if isinstance(hop.message, Text) and _REFERS in hop.message.text:
            missing = _open(hop.message.text).missing_plan
            if missing is not None:
                yield missing


def judge_plans(run: RunColumns, chain: Chain) -> None:
    """Verify that plans changed only as permitted; raises MessageRejected. Impossible without values."""
    wanted, rows = places_of(chain), {HopKey(run.workflow_id, hop.path, hop.position): hop for hop in run.hops}
    if any(_is_left_out(rows.get(key)) for key in wanted):
        return
    texts = _texts(run)
    check_plans(chain, {key: _message(rows[key], texts) for key in wanted if key in rows})


def _is_left_out(hop: HopColumns | None) -> bool:
    return hop is not None and hop.message is not None and not isinstance(hop.message, Text)


def _message(hop: HopColumns, texts: Mapping[str, bytes]) -> PaigeantMessage:
    message = _open(hop.message.text if isinstance(hop.message, Text) else "")
    if message.missing_plan is None:
        return message
    try:
        return message.with_plan(read_plan(Blob(message.missing_plan, texts[message.missing_plan])))
    except (KeyError, ValueError) as error:
        raise TamperedMessage(f"position {hop.position}, plan: it is not in the store, or none") from error


def _open(body: str) -> PaigeantMessage:
    return PlainCodec().open(write_frame(body.encode().replace(b"\n", b" "))).message


def _texts(run: RunColumns) -> dict[str, bytes]:
    return {name: column.text.encode() for name, column in run.plans if isinstance(column, Text)}

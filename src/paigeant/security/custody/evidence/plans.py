"""The plans of a run that is audited: whether they lie there as they were kept, and have changed as they may."""

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
"""What stands in the body of a message that does not carry its plan; perhaps also in a value."""


def find_lost_plans(run: RunColumns) -> list[str]:
    """Return the digests of plans that are not there as they were kept, of those that are in the evidence or needed."""
    spoilt = [name for name, column in run.plans if column.digest != _as_signed(name)]
    return spoilt or sorted({missing for missing in _missing(run) if missing not in {name for name, _ in run.plans}})


def _as_signed(name: str) -> str | None:
    """Return the digest that a plan is kept under as one in a record, None if it is no digest."""
    try:
        return encode(bytes.fromhex(name))
    except ValueError:
        return None


def _missing(run: RunColumns) -> Iterator[str]:
    """Yield the digests of the plans to which messages refer."""
    for hop in run.hops:
        if isinstance(hop.message, Text) and _REFERS in hop.message.text:
            missing = _open(hop.message.text).missing_plan
            if missing is not None:
                yield missing


def judge_plans(run: RunColumns, chain: Chain) -> None:
    """Return if plans have changed as the dispatcher allows; raises MessageRejected. Without values nobody can tell."""
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

"""The travel agency: the workflow, and the card that pays for it."""

from __future__ import annotations

from paigeant import Parallel, Terminal, Workflow, activity

DECLINED = "4000 0000 0000 0002"


@activity.execute("charge")
async def charge(card: str, booked: dict[str, dict[str, str]]) -> str:
    """Charge the card for all that was booked."""
    if card == DECLINED:
        raise Terminal("the card was declined")
    return f"charged {card} for {', '.join(each['what'] for each in booked.values())}"


trip = Workflow("trip", [Parallel("flight", "hotel", "car", name="booked"), "charge"])

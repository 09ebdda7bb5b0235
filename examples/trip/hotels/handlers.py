"""The hotel: it keeps rooms, and lets them go."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from paigeant import ActivityContext, activity

BOOKS = Path(__file__).parent / "books.db"


@activity.execute("hotel")
async def hotel(to: str, nights: int, ctx: ActivityContext) -> dict[str, str]:
    """Keep a room; a repeated execution has the same key, and books nothing more."""
    booking = {"id": ctx.idempotency_key, "what": f"a room in {to} for {nights} nights"}
    with sqlite3.connect(BOOKS) as books:
        books.execute("CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, what TEXT, state TEXT)")
        books.execute("INSERT OR IGNORE INTO bookings VALUES (:id, :what, 'booked')", booking)
    return booking


@activity.compensate("hotel")
async def cancel_hotel(output: dict[str, str]) -> None:
    """Take the booking back."""
    with sqlite3.connect(BOOKS) as books:
        books.execute("UPDATE bookings SET state = 'cancelled' WHERE id = :id", output)

"""The car rental: it puts cars aside, and takes them back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from paigeant import ActivityContext, activity

BOOKS = Path(__file__).parent / "books.db"


@activity.execute("car")
async def car(to: str, nights: int, ctx: ActivityContext) -> dict[str, str]:
    """Put a car aside; a repeated execution has the same key, and books nothing more."""
    booking = {"id": ctx.idempotency_key, "what": f"a car in {to} for {nights + 1} days"}
    with sqlite3.connect(BOOKS) as books:
        books.execute("CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, what TEXT, state TEXT)")
        books.execute("INSERT OR IGNORE INTO bookings VALUES (:id, :what, 'booked')", booking)
    return booking


@activity.compensate("car")
async def cancel_car(output: dict[str, str]) -> None:
    """Take the booking back."""
    with sqlite3.connect(BOOKS) as books:
        books.execute("UPDATE bookings SET state = 'cancelled' WHERE id = :id", output)

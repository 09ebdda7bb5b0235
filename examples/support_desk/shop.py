"""The systems around the desk: orders, a bank and an outbox, in one SQLite file made from `orders.csv`.

They are what a step cannot undo by failing, so each call carries an idempotency key, and a repeated one does nothing.
"""

import csv
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

HERE = Path(__file__).parent
DATABASE = HERE / ".paigeant" / "orders.db"
BANK_SECONDS = 0.6  # the bank has the money moved long before it answers: the worst moment for a caller to die

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders
    (id TEXT PRIMARY KEY, customer TEXT, email TEXT, item TEXT, price TEXT, delivered_on TEXT);
CREATE TABLE IF NOT EXISTS calls (key TEXT);  -- each call of the bank, also a repeated one
CREATE TABLE IF NOT EXISTS moves (key TEXT PRIMARY KEY, order_id TEXT, amount TEXT);
CREATE TABLE IF NOT EXISTS outbox (key TEXT PRIMARY KEY, email TEXT, subject TEXT, body TEXT);
"""


class Order(BaseModel):
    """An order; `delivered_on` is null while it is on its way."""

    id: str
    customer: str
    email: str
    item: str
    price: Decimal
    delivered_on: date | None


class Move(NamedTuple):
    """Money that the bank moved: to the customer, or, if negative, back again."""

    key: str
    order_id: str
    amount: Decimal


@contextmanager
def database() -> Generator[sqlite3.Connection]:
    """Open the file, made on first use, and commit at the end."""
    DATABASE.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(DATABASE, timeout=10)) as connection, connection:
        connection.executescript(SCHEMA)
        if connection.execute("SELECT 1 FROM orders").fetchone() is None:
            with (HERE / "orders.csv").open(newline="", encoding="utf-8") as orders:
                rows = [{**row, "delivered_on": row["delivered_on"] or None} for row in csv.DictReader(orders)]
            insert = "INSERT OR IGNORE INTO orders VALUES (:id, :customer, :email, :item, :price, :delivered_on)"
            connection.executemany(insert, rows)
        yield connection


def find_order(number: str) -> Order | None:
    with database() as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT * FROM orders WHERE id = ?", (number,)).fetchone()
    return Order.model_validate(dict(row)) if row else None


def move_money(order_id: str, amount: Decimal, key: str) -> None:
    """Ask the bank to move money; the same key moves it once."""
    with database() as connection:
        connection.execute("INSERT INTO calls VALUES (?)", (key,))
        connection.execute("INSERT OR IGNORE INTO moves VALUES (?, ?, ?)", (key, order_id, str(amount)))
    time.sleep(BANK_SECONDS)


def send_mail(email: str, subject: str, body: str, key: str) -> None:
    """Put a mail into the outbox; the same key puts it there once."""
    with database() as connection:
        connection.execute("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?)", (key, email, subject, body))


def calls() -> list[str]:
    """Return the key of each call that the bank got."""
    with database() as connection:
        return [key for (key,) in connection.execute("SELECT key FROM calls")]


def moves() -> list[Move]:
    """Return what the bank has done."""
    with database() as connection:
        rows = connection.execute("SELECT key, order_id, amount FROM moves")
        return [Move(key, order, Decimal(amount)) for key, order, amount in rows]


def mails() -> dict[str, str]:
    """Return the subject of each mail sent, by its key."""
    with database() as connection:
        return dict(connection.execute("SELECT key, subject FROM outbox").fetchall())

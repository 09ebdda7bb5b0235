"""The provider of models: an OpenAI-compatible endpoint in a process of its own, which nobody kills, with its bill."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from chaos.load import CLERK, said_by_clerk
from chaos.orders import Orders
from tests.provider import Provider, text, tools


class Billed(NamedTuple):
    """One request: for which run of the load, and how many answers it had seen already."""

    number: int
    kind: str
    turn: int


class Bill:
    """A file with a line for each request."""

    def __init__(self, path: Path) -> None:
        """Append to this file, or read it."""
        self._path = path

    def note(self, billed: Billed) -> None:
        """Write one line, whole."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(descriptor, (json.dumps(billed) + "\n").encode())
        os.close(descriptor)

    def read(self) -> list[Billed]:
        """Return all requests."""
        if not self._path.exists():
            return []
        return [Billed(*json.loads(line)) for line in self._path.read_text().splitlines()]


def serve(orders: Orders) -> None:
    """Answer requests, until the end of the drama."""
    orders.speak_into_a_file()
    with provider(orders) as server:
        server.serve_forever()


def provider(orders: Orders) -> Provider:
    """Return the endpoint, which listens where the orders say."""
    bill = Bill(orders.folder / "bill.log")

    def answer(turn: int, asked: list[Any]) -> Any:
        number, kind = next(one["content"] for one in asked if one["role"] == "user").split()
        bill.note(Billed(int(number), kind, turn))
        looks = [("look", {"item": "a"}), ("look", {"item": "b"})]
        answers = [tools(*looks), tools(("pay", {"number": int(number)}), turn=1), text(said_by_clerk(int(number)))]
        return answers[turn]

    server = Provider(orders.endpoint)
    server.scripts = {CLERK: answer}
    server.input_tokens = 100
    return server

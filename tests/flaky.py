"""A tool that makes the second attempt of a step replay the first."""

from __future__ import annotations


class Flaky:
    """A tool that fails in the first attempt of its step, so that a second one replays what came before."""

    def __init__(self) -> None:
        self.calls = 0

    async def flaky(self) -> str:
        self.calls += 1
        if self.calls == 1:
            raise ConnectionError
        return "at last"

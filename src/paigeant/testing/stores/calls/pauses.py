"""Contract tests of pauses: all workers pause a model whose provider refuses."""

# ruff: noqa: D102, S101, PLR2004 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio

from paigeant.abc import Store
from paigeant.testing.stores.backend import Connect, StoreBackend


class PauseGuarantees(StoreBackend):
    """Guarantees of the contract ``Pauses``."""

    async def test_a_model_is_left_alone_for_as_long_as_was_asked(self, store: Store, connect: Connect) -> None:
        left = await store.pause_model("openai:gpt-5", 30)

        async with connect("default") as other, connect("elsewhere") as elsewhere:
            seen = await other.load_pauses()
            assert 29 < left <= 30
            assert 25 < seen["openai:gpt-5"] <= 30
            assert await elsewhere.load_pauses() == {}

    async def test_a_shorter_pause_does_not_shorten_one(self, store: Store) -> None:
        await store.pause_model("m", 30)

        lefts = [await store.pause_model("m", seconds) for seconds in (1, None, 0, -5)]

        assert all(25 < left <= 30 for left in lefts)

    async def test_refusals_that_come_together_count_once(self, store: Store) -> None:
        lefts = await asyncio.gather(*(store.pause_model("m") for _ in range(20)))

        assert all(1 < left <= 2 for left in lefts)

    async def test_a_pause_is_over_by_itself(self, store: Store) -> None:
        await store.pause_model("m", 0.001)
        assert 0 < (await store.load_pauses())["m"] <= 1

        for _ in range(10):
            await self.let_leases_end()
            await asyncio.sleep(0.15)

        assert await store.load_pauses() == {}

    async def test_models_are_paused_apart_for_a_day_at_most(self, store: Store) -> None:
        await store.pause_model("a", 1e12)
        await store.pause_model("b", 5)

        found = await store.load_pauses()

        assert set(found) == {"a", "b"}
        assert found["b"] <= 5 < found["a"] <= 86_400

"""Slots: limits of concurrent steps in a worker, in total and for each limited activity."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping


class Slots:
    """Counts free slots. They are reserved before a claim, so that no lease waits for a slot."""

    def __init__(self, total: int, limits: Mapping[str, int], apart: Mapping[str, int] | None = None) -> None:
        """Have ``total`` slots, and at most ``limits`` for some topics; topics ``apart`` have their own."""
        self.total: int = total
        self._free = total
        self._left = {**limits, **(apart or {})}
        self._apart = frozenset(apart or ())
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """Number of steps of unlimited activities that could start now."""
        return max(0, self._free)

    def groups(self, topics: Collection[str]) -> list[tuple[str, ...]]:
        """Return the topics in groups with a common intake: the unlimited ones, and each limited one alone."""
        unlimited = tuple(topic for topic in topics if topic not in self._left)
        limited = [(topic,) for topic in topics if topic in self._left]
        return [unlimited, *limited] if unlimited else limited

    def room(self, group: tuple[str, ...]) -> int:
        """Return the number of steps of a group that could start now."""
        topic = group[0]
        if topic in self._apart:
            return max(0, self._left[topic])
        return max(0, min(self._free, self._left.get(topic, self._free)))

    async def wait_for_room(self, group: tuple[str, ...]) -> None:
        """Return when a step of the group could start."""
        while self.room(group) < 1:
            await self.wait_for_change()

    async def wait_for_change(self) -> None:
        """Return when a slot was released."""
        self._changed.clear()
        await self._changed.wait()

    def take(self, topic: str, count: int = 1) -> None:
        """Occupy slots; the caller has checked :meth:`room`."""
        if topic not in self._apart:
            self._free -= count
        if topic in self._left:
            self._left[topic] -= count

    def give(self, topic: str, count: int = 1) -> None:
        """Release slots."""
        if topic not in self._apart:
            self._free += count
        if topic in self._left:
            self._left[topic] += count
        self._changed.set()

    def move(self, here: str, there: str) -> bool:
        """Move a slot from one topic to another; False, with nothing changed, if the other has no room."""
        if here == there:
            return True
        if self._left.get(there, 1) < 1 or (here in self._apart and there not in self._apart and self._free < 1):
            return False
        self.give(here)
        self.take(there)
        return True

    def keep_until_code_ends(self, topic: str) -> Callable[[], None]:
        """Keep a place under the topic's limit occupied until the returned function is called: its code still runs.

        The step releases its own slot, so that code that never ends starves its own activity and no other.
        """
        if topic not in self._left:
            return lambda: None
        self._left[topic] -= 1

        def end() -> None:
            self._left[topic] += 1
            self._changed.set()

        return end


class Slot:
    """One occupied slot, which may move to another topic. Its holder releases it, once."""

    def __init__(self, slots: Slots, topic: str) -> None:
        """Hold a slot of this topic that is occupied already."""
        self._slots = slots
        self._topic = topic

    def move(self, topic: str) -> bool:
        """Move it to this topic; False, with nothing changed, if there is no room."""
        moved = self._slots.move(self._topic, topic)
        if moved:
            self._topic = topic
        return moved

    def give(self) -> None:
        """Release the slot, of whatever topic it is now."""
        self._slots.give(self._topic)

"""What is asked for meanwhile is answered together, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from paigeant.aio.batch import Batcher
from paigeant.errors import Unavailable


class Counting:
    """Answers each number with its double, once it may; remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        await self.may.wait()
        if -1 in numbers:
            raise ValueError("no negative numbers")
        return [2 * number for number in numbers]


async def test_what_is_asked_during_an_answer_is_answered_together():
    counting = Counting()
    groups = Batcher(counting)

    hop_list = [asyncio.create_task(groups.ask(number)) for number in range(5)]
    await asyncio.sleep(0)
    counting.may.set()

    assert await asyncio.gather(*hop_list) == [0, 2, 4, 6, 8]
    assert counting.groups == [[0, 1, 2, 3, 4]]


async def test_no_question_falls_between_two_groups():
    counting = Counting()
    counting.may.set()
    groups = Batcher(counting)

    async with asyncio.timeout(20):
        for number in range(500):
            assert await groups.ask(number) == 2 * number


async def test_a_question_that_fails_fails_alone():
    counting = Counting()
    groups = Batcher(counting)

    hop_list = [asyncio.create_task(groups.ask(number)) for number in (1, -1, 2)]
    await asyncio.sleep(0)
    counting.may.set()
    answers = await asyncio.gather(*hop_list, return_exceptions=True)

    assert (answers[0], answers[2]) == (2, 4)
    assert isinstance(answers[1], ValueError)


async def test_several_groups_are_answered_abreast():
    counting = Counting()
    groups = Batcher(counting, abreast=2)

    hop_list = [asyncio.create_task(groups.ask(1))]
    await asyncio.sleep(0.01)
    hop_list += [asyncio.create_task(groups.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0.01)
    counting.may.set()
    await asyncio.gather(*hop_list)

    assert counting.groups == [[1], [2, 3]]


async def test_once_closed_what_was_asked_is_answered_and_nothing_more():
    counting = Counting()
    groups = Batcher(counting)

    hop_list = asyncio.create_task(groups.ask(1))
    await asyncio.sleep(0)
    closing = asyncio.create_task(groups.close())
    counting.may.set()
    await closing

    assert await hop_list == 2
    with pytest.raises(Unavailable):
        await groups.ask(2)

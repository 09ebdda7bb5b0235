"""What is asked for meanwhile is answered together, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from paigeant.aio.batch import Batcher, Limits
from paigeant.errors import Unavailable


class Counting:
    """Answers each number with its double, once it may; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        await self.may.wait()
        if -1 in numbers:
            raise ValueError("no negative numbers")
        if -2 in numbers:
            raise Unavailable("the store is away")
        return [2 * number for number in numbers]


async def test_what_is_asked_during_an_answer_is_answered_together():
    counting = Counting()
    batcher = Batcher(counting)

    asked = [asyncio.create_task(batcher.ask(number)) for number in range(5)]
    await asyncio.sleep(0)
    counting.may.set()

    assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8]
    assert counting.batches == [[0, 1, 2, 3, 4]]


async def test_no_question_falls_between_two_batches():
    counting = Counting()
    counting.may.set()
    batcher = Batcher(counting)

    async with asyncio.timeout(20):
        for number in range(500):
            assert await batcher.ask(number) == 2 * number


async def test_a_question_that_fails_fails_alone():
    counting = Counting()
    batcher = Batcher(counting)

    asked = [asyncio.create_task(batcher.ask(number)) for number in (1, -1, 2)]
    await asyncio.sleep(0)
    counting.may.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert (answers[0], answers[2]) == (2, 4)
    assert isinstance(answers[1], ValueError)


async def test_what_is_away_for_one_is_away_for_all_and_asked_once():
    counting = Counting()
    counting.may.set()
    batcher = Batcher(counting)

    asked = [batcher.add(number) for number in (1, -2, 3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert counting.batches == [[1, -2, 3]]


async def test_an_error_among_the_answers_is_raised_for_its_question():
    async def answer(numbers: Sequence[int]) -> list[int | Exception]:
        return [KeyError(number) if number == 2 else number for number in numbers]

    batcher = Batcher(answer)
    answers = await asyncio.gather(*(batcher.add(number) for number in (1, 2, 3)), return_exceptions=True)

    assert (answers[0], answers[2]) == (1, 3)
    assert isinstance(answers[1], KeyError)


async def test_several_batches_are_answered_abreast():
    counting = Counting()
    batcher = Batcher(counting, abreast=2)

    asked = [asyncio.create_task(batcher.ask(1))]
    await asyncio.sleep(0.01)
    asked += [asyncio.create_task(batcher.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0.01)
    counting.may.set()
    await asyncio.gather(*asked)

    assert counting.batches == [[1], [2, 3]]


@pytest.mark.parametrize(
    ("limits", "batches"),
    [
        (Limits(count=2), [[3, 3], [9, 1], [1]]),
        (Limits(count=64, size=6, size_of=lambda number: number), [[3, 3], [9], [1, 1]]),
    ],
)
async def test_a_batch_is_limited_in_number_and_size_and_one_alone_may_be_larger(
    limits: Limits, batches: list[list[int]]
):
    counting = Counting()
    counting.may.set()
    batcher = Batcher(counting, limits)

    await asyncio.gather(*(batcher.add(number) for number in (3, 3, 9, 1, 1)))

    assert counting.batches == batches


async def test_once_closed_what_was_asked_is_answered_and_nothing_more():
    counting = Counting()
    batcher = Batcher(counting)

    asked = asyncio.create_task(batcher.ask(1))
    await asyncio.sleep(0)
    closing = asyncio.create_task(batcher.close())
    counting.may.set()
    await closing

    assert await asked == 2
    with pytest.raises(Unavailable):
        await batcher.ask(2)


async def test_closing_in_a_hurry_leaves_nobody_waiting():
    counting = Counting()
    batcher = Batcher(counting, Limits(count=1), name="transport")

    asked = [batcher.add(number) for number in (1, 2)]
    await asyncio.sleep(0)
    await batcher.close(0.01)
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [str(answer) for answer in answers] == ["the transport is closed"] * 2


async def test_a_wrong_number_of_answers_is_told_to_those_who_wait():
    async def answer(numbers: Sequence[int]) -> list[int | Exception]:
        return [*numbers, 0]

    batcher = Batcher(answer)

    with pytest.raises(ValueError, match="2 answers to 1 question"):
        await batcher.ask(1)

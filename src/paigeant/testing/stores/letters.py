"""Contract tests of dead letters: stored unchanged; and of the status of hops that could not be leased."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from paigeant.abc import Store
from paigeant.errors import InvalidInput, UnknownLetter
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Retrying
from paigeant.model.stored.claims import Announced, NoticeStatus
from paigeant.model.stored.dead_letters import HEAD_BYTES, KEPT_BYTES, Flaw, RejectedMessage
from paigeant.testing.builders import FAULT, OTHER, WORKER, completed, decided, new_run, notice
from paigeant.testing.stores.backend import NO_PLACES, Connect, StoreBackend


def rejected(
    body: bytes = b"\x00\xff no message", *, topic: str = "draft", message_id: str = "run:1", reason: Flaw = Flaw.AHEAD
) -> RejectedMessage:
    """Return a rejected message."""
    return RejectedMessage.of(topic, message_id, body, reason, f"it is {reason}")


class LetterGuarantees(StoreBackend):
    """Guarantees of :class:`paigeant.abc.DeadLetters`, and of ``find_notice_status``."""

    async def keep(self, store: Store, *rejected_messages: RejectedMessage) -> None:
        assert await store.record_dead_letters(rejected_messages) == [True] * len(rejected_messages)

    async def bodies(self, store: Store) -> list[bytes]:
        return [letter.body for letter in (await store.list_dead_letters()).dead_letters]

    # -- dead letters

    async def test_a_letter_is_kept_as_it_came_with_what_is_wrong_with_it(self, store: Store) -> None:
        every = bytes(range(256))
        await self.keep(store, rejected(every, reason=Flaw.UNREADABLE))

        [listed] = (await store.list_dead_letters()).dead_letters
        letter = await store.get_dead_letter(listed.id)

        assert letter == listed
        assert (letter.topic, letter.message_id, letter.body, letter.size) == ("draft", "run:1", every, 256)
        assert (letter.reason, letter.detail, letter.count) == (Flaw.UNREADABLE, "it is unreadable", 1)
        assert letter.created_at == letter.seen_at
        assert letter.created_at.tzinfo is not None
        assert letter.whole

    async def test_the_same_bytes_for_the_same_topic_are_one_letter_that_counts(self, store: Store) -> None:
        await self.keep(store, rejected())
        await self.keep(store, rejected(), rejected(message_id="other"), rejected(b"others"), rejected(topic="print"))
        await self.keep(store, rejected(reason=Flaw.UNKNOWN_RUN, message_id="last"))

        letters = (await store.list_dead_letters(topic="draft")).dead_letters

        assert [letter.count for letter in letters] == [1, 4]
        assert (letters[1].reason, letters[1].message_id) == (Flaw.UNKNOWN_RUN, "last")
        assert letters[1].seen_at > letters[1].created_at
        assert [letter.count for letter in (await store.list_dead_letters(topic="print")).dead_letters] == [1]

    async def test_of_a_large_body_the_head_is_kept_and_what_it_measured(self, store: Store) -> None:
        whole, large = b"w" * KEPT_BYTES, b"l" * (KEPT_BYTES + 1)
        await self.keep(store, rejected(whole), rejected(large), rejected(large[:-1] + b"!"))

        letters = (await store.list_dead_letters()).dead_letters

        assert sorted((len(letter.body), letter.size, letter.whole) for letter in letters) == [
            (HEAD_BYTES, KEPT_BYTES + 1, False),
            (HEAD_BYTES, KEPT_BYTES + 1, False),
            (KEPT_BYTES, KEPT_BYTES, True),
        ]
        assert all("broker's dead letters" in letter.detail for letter in letters if not letter.whole)

    async def test_nothing_that_a_stranger_calls_himself_is_too_much(self, store: Store) -> None:
        await self.keep(store, rejected(message_id="\x00\ud800\x1b[2J" + "x" * 5_000), rejected(b"", message_id=""))

        empty, letter = (await store.list_dead_letters()).dead_letters

        assert (empty.body, empty.message_id) == (b"", "")
        assert len(letter.message_id) == 255
        assert letter.message_id.isprintable()

    async def test_letters_are_listed_newest_first_and_page_by_page(self, store: Store) -> None:
        for number in range(5):
            await self.keep(store, rejected(b"%d" % number))

        pages, after = list[list[bytes]](), None
        while len(pages) < 5:
            page = await store.list_dead_letters(limit=2, after=after)
            pages.append([letter.body for letter in page.dead_letters])
            after = page.next
            if after is None:
                break

        assert pages == [[b"4", b"3"], [b"2", b"1"], [b"0"]]

    @pytest.mark.parametrize("after", NO_PLACES)
    async def test_a_page_of_letters_after_what_no_page_said_is_refused(self, store: Store, after: str) -> None:
        with pytest.raises(InvalidInput):
            await store.list_dead_letters(after=after)

    async def test_a_page_of_large_bodies_ends_early_and_the_next_goes_on(self, store: Store) -> None:
        await self.keep(store, *(rejected(b"%d" % number + b"x" * (KEPT_BYTES - 1)) for number in range(9)))

        first = await store.list_dead_letters()
        second = await store.list_dead_letters(after=first.next)

        assert (len(first.dead_letters), len(second.dead_letters), second.next) == (8, 1, None)
        assert {letter.body[:1] for letter in first.dead_letters + second.dead_letters} == {b"%d" % n for n in range(9)}

    async def test_letters_are_counted_as_they_would_be_dropped(self, store: Store) -> None:
        await self.keep(store, rejected(b"1"), rejected(b"2"))

        assert await store.count_dead_letters() == 2
        assert await store.count_dead_letters(older_than=timedelta(hours=1)) == 0

    async def test_what_is_dropped_is_gone_and_dropping_it_again_changes_nothing(self, store: Store) -> None:
        await self.keep(store, rejected(b"1"), rejected(b"2"), rejected(b"3"))
        first = min((await store.list_dead_letters()).dead_letters, key=lambda letter: letter.body)

        assert await store.drop_dead_letters([first.id, 4_711, 2**70, -1]) == 1
        assert await store.drop_dead_letters([first.id]) == 0
        assert sorted(await self.bodies(store)) == [b"2", b"3"]
        assert await store.drop_dead_letters([]) == 0
        assert await store.drop_dead_letters(older_than=timedelta(hours=1)) == 0
        assert await store.drop_dead_letters() == 2

        assert await self.bodies(store) == []
        for unknown in (first.id, 2**70, -1):
            with pytest.raises(UnknownLetter, match=str(unknown)):
                await store.get_dead_letter(unknown)

    async def test_a_letter_that_comes_again_after_it_was_dropped_is_a_new_one(self, store: Store) -> None:
        await self.keep(store, rejected(), rejected())
        await store.drop_dead_letters()

        await self.keep(store, rejected())

        assert [letter.count for letter in (await store.list_dead_letters()).dead_letters] == [1]

    async def test_beyond_a_number_of_letters_none_is_kept_but_those_there_still_count(self, store: Store) -> None:
        for start in range(0, 10_000, 1_000):
            await self.keep(store, *(rejected(b"%d" % number) for number in range(start, start + 1_000)))

        assert await store.record_dead_letters([rejected(b"new"), rejected(b"7"), rejected(b"newer")]) == [
            False,
            True,
            False,
        ]
        assert await store.drop_dead_letters() == 10_000
        await self.keep(store, rejected(b"new"))

    async def test_beyond_a_number_of_bytes_none_is_kept_but_small_ones(self, store: Store) -> None:
        large = [rejected(b"%02d" % number + b"x" * (KEPT_BYTES - 2)) for number in range(63)]
        await self.keep(store, *large)
        filling, beyond = rejected(b"y" * (KEPT_BYTES - 10)), rejected(b"0123456789!")

        assert await store.record_dead_letters([filling, beyond, large[0]]) == [True, False, True]
        assert await store.record_dead_letters([beyond, rejected(b"0123456789")]) == [False, True]
        assert await store.drop_dead_letters() == 65

    async def test_two_that_keep_the_same_letters_at_once_keep_each_once(self, store: Store, connect: Connect) -> None:
        rejected_messages = [rejected(b"%d" % number) for number in range(50)]
        async with connect("default") as other:
            await asyncio.gather(
                *(
                    one.record_dead_letters(part)
                    for one in (store, other)
                    for part in (rejected_messages, rejected_messages[::-1])
                )
            )

        letters = (await store.list_dead_letters(limit=100)).dead_letters
        assert sorted(letter.body for letter in letters) == sorted(one.body for one in rejected_messages)

    async def test_the_letters_of_another_namespace_are_not_seen(self, store: Store, connect: Connect) -> None:
        await self.keep(store, rejected())
        [letter] = (await store.list_dead_letters()).dead_letters
        async with connect("elsewhere") as other:
            assert await self.bodies(other) == []
            assert await other.count_dead_letters() == 0
            assert await other.drop_dead_letters() == 0
            await self.keep(other, rejected())
            with pytest.raises(UnknownLetter):
                await other.get_dead_letter(letter.id + 1_000)

        assert [letter.count for letter in (await store.list_dead_letters()).dead_letters] == [1]

    # -- status of a hop

    async def standing(self, store: Store, *notices: tuple[HopKey, bytes]) -> Sequence[NoticeStatus]:
        return await store.find_notice_status(notices)

    async def test_the_message_of_a_twin_is_told_from_a_forged_one(self, store: Store) -> None:
        leased, due, delayed = (new_run("draft", "print") for _ in range(3))
        await self.begin_run(store, leased)
        grant = await self.begin_run(store, delayed)
        await self.settle(store, decided(grant, Retrying(FAULT, 3600.0)))
        await store.record_workflow_start([due])
        forged = hashlib.sha256(b"forged").digest()

        assert await self.standing(store, *map(notice, (leased, due, delayed))) == [
            NoticeStatus.PENDING,
            NoticeStatus.DUE,
            NoticeStatus.PENDING,
        ]
        assert await self.standing(store, (due.twin.key, forged), notice(due)) == [
            NoticeStatus.ALTERED,
            NoticeStatus.DUE,
        ]

    async def test_what_has_passed_is_told_from_what_is_ahead(self, store: Store) -> None:
        start, ended, unknown = new_run("draft", "print"), new_run("draft"), new_run("draft")
        await self.settle(store, completed(await self.begin_run(store, start)))
        await store.record_workflow_start([ended])
        await store.terminate(ended.workflow_id)
        key, digest = notice(start)

        assert await self.standing(store, notice(start), notice(ended)) == [NoticeStatus.PASSED, NoticeStatus.PASSED]
        assert await self.standing(store, (key, b"x" * 32)) == [NoticeStatus.ALTERED]
        for ahead in (key._replace(position=3), key._replace(path="aside"), key._replace(position=2**63 - 1)):
            assert await self.standing(store, (ahead, digest)) == [NoticeStatus.AHEAD]
        assert await self.standing(store, notice(unknown), (key._replace(workflow_id=UUID(int=0)), digest)) == [
            NoticeStatus.UNKNOWN_RUN,
            NoticeStatus.UNKNOWN_RUN,
        ]
        assert await self.standing(store) == []

    async def test_the_runs_of_another_namespace_are_unknown(self, store: Store, connect: Connect) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])

        async with connect("elsewhere") as other:
            assert await self.standing(other, notice(start)) == [NoticeStatus.UNKNOWN_RUN]

    async def test_a_forged_message_beside_the_true_one_takes_nothing_from_it(self, store: Store) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])
        forged = (start.twin.key, hashlib.sha256(b"forged").digest())

        [grant] = await store.claim(WORKER, Announced([forged, notice(start), forged]), 10, self.long)

        assert grant.body == start.twin.body
        assert await store.claim(OTHER, Announced([notice(start), forged]), 10, self.long) == []

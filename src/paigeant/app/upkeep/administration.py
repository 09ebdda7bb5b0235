"""Administration of an installation: its schema, health, old runs, dead letters and tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from pydantic import JsonValue

from paigeant.abc import Store
from paigeant.app.choosing import choose_schema
from paigeant.app.operating.bulk import Refused
from paigeant.app.operating.deeds import attest, view_of
from paigeant.app.options import read_span
from paigeant.app.upkeep.examination import Examined, examine
from paigeant.app.upkeep.log_stores import make_lines
from paigeant.app.upkeep.tokens import NewToken, create_token
from paigeant.config import Settings
from paigeant.engine.runtime import Runtime
from paigeant.engine.upkeep.replay import replay
from paigeant.errors import InvalidInput, UnknownLetter
from paigeant.model.checks.options import spelled
from paigeant.model.people.deeds import DeedVerb, DeedView
from paigeant.model.runs import FINAL, OPEN, RunStatus
from paigeant.model.stored.access_tokens import StoredToken, TokenRole
from paigeant.model.stored.dead_letters import DeadLetter, LetterPage, Replayed
from paigeant.model.values.durations import Duration


class Prunable(NamedTuple):
    """Amounts to delete, or deleted, and the runs that stay because they cannot be archived."""

    runs: int
    dead_letters: int
    kept: tuple[Refused, ...] = ()

    def with_more(self, more: Prunable) -> Prunable:
        """Return the sum of both."""
        return Prunable(self.runs + more.runs, self.dead_letters + more.dead_letters, self.kept + more.kept)


class Installation(NamedTuple):
    """Open parts, and the settings that name them."""

    runtime: Runtime
    settings: Settings


@spelled(InvalidInput)
class Administration:
    """Upgrades, examines, prunes, and handles dead letters: the ``administration`` of a :class:`~paigeant.Paigeant`.

    Schema and examination need no open application; everything else does. Every method may raise Unavailable.
    """

    def __init__(self, settings: Settings, runtime: Callable[[], Runtime]) -> None:
        """Use the parts that the settings name; ``runtime`` returns the open parts, or raises ConfigError."""
        self._settings = settings
        self._runtime = runtime

    @property
    def _store(self) -> Store:
        return self._runtime().store

    # -- schema and health

    async def upgrade_schema(self) -> None:
        """Upgrade the store's schema to this version, and create the table of log lines if configured.

        A repeat does nothing. Raises ConfigError.
        """
        await asyncio.to_thread(choose_schema(self._settings).upgrade)
        await asyncio.to_thread(make_lines, self._settings)

    async def check_schema(self) -> None:
        """Return if the store's schema has this version; raises ConfigError, with the remedy, if not."""
        await asyncio.to_thread(choose_schema(self._settings).check)

    def examine(self) -> AsyncGenerator[Examined, None]:
        """Yield findings about the installation, the settings, the store, the transport and their work."""
        return examine(self._settings)

    async def find_served(self, activities: Collection[str]) -> set[str]:
        """Return those of these activities that a living worker serves."""
        return await self._store.find_served(activities)

    # -- pruning

    async def count_prunable(self, older_than: Duration, *, statuses: Collection[RunStatus] = FINAL) -> Prunable:
        """Return the amounts that :meth:`prune` would delete."""
        _require_final(statuses)
        age = read_span("older_than", older_than, "prune")
        runs = await self._store.count_ended(age, statuses)
        letters = await self._store.count_dead_letters(older_than=age) if _are_all(statuses) else 0
        return Prunable(runs, letters)

    async def prune(
        self,
        older_than: Duration,
        *,
        statuses: Collection[RunStatus] = FINAL,
        batch: int = 100,
        archive: Path | None = None,
    ) -> AsyncGenerator[Prunable, None]:
        """Delete runs that ended longer ago than this, with all their data; yields the deleted amounts, batch by batch.

        With all final statuses, dead letters that last arrived this long ago are deleted first; if statuses are named,
        only their runs are deleted. Between two transactions it pauses for as long as the last one took, so that
        workers get at least every other turn. It may be abandoned at any time, and called again. Raises InvalidInput
        for a status that is not final.

        With an ``archive`` the evidence of each run is first written into that folder, signed, as ``ID.json``; a run
        whose evidence cannot be written stays. Raises InvalidInput if none can be written, and ConfigError without a
        key that may ``operate:export``.
        """
        _require_final(statuses)
        age = read_span("older_than", older_than, "prune")
        archived = None if archive is None else await self._archived(archive, age, statuses)
        about: dict[str, JsonValue] = {"older_than": age.total_seconds(), "statuses": [*sorted(map(str, statuses))]}
        await self._attest(DeedVerb.PRUNE, about)
        if _are_all(statuses):
            yield Prunable(0, await self._store.drop_dead_letters(older_than=age))
        while True:
            began = monotonic()
            if archived is None:
                gone = Prunable(await self._store.prune(age, statuses, batch), 0)
            else:
                gone = await archived(batch)
            if not any(gone):
                return
            yield gone
            await asyncio.sleep(monotonic() - began)

    async def _archived(
        self, folder: Path, age: timedelta, statuses: Collection[RunStatus]
    ) -> Callable[[int], Awaitable[Prunable]]:
        """Return a function that archives and deletes some runs; raises InvalidInput and ConfigError."""
        from paigeant.app.custody import Custody  # noqa: PLC0415  (loads cryptography)
        from paigeant.app.upkeep.archiving import Archive, ArchivedPruning  # noqa: PLC0415  (the same)

        custody = Custody(Installation(self._runtime(), self._settings))
        await custody.require_exporter()
        pruning = ArchivedPruning(self._store, Archive(folder, custody), age, statuses)

        async def delete_some(batch: int) -> Prunable:
            done = await pruning.delete_some(batch)
            return Prunable(0, 0) if done is None else Prunable(done[0], 0, done[1])

        return delete_some

    # -- workers

    async def drain_worker(self, worker: str) -> None:
        """Drain a worker, by its id: it leases nothing more, finishes its steps, and exits with 0.

        It learns of it within seconds. Raises UnknownWorker for one that is not alive, and ConfigError without a key
        that may sign the deed.
        """
        deed = await attest(self._runtime(), DeedVerb.DRAIN, None, {"worker": worker})
        await self._store.drain_worker(worker, deed=deed)

    # -- tokens of the HTTP API

    async def create_token(
        self,
        name: str,
        role: TokenRole,
        *,
        payloads: bool = False,
        workflows: Collection[str] = (),
        expires: Duration | None = None,
    ) -> NewToken:
        """Create a token for the HTTP API and the dashboard, which is shown once. A viewer sees no payloads.

        With ``workflows`` it is limited to their runs: other runs, and things that belong to no workflow, are invisible
        to it. The workflows need not be published yet; ``unpublished`` in the result lists those that are not. Raises
        InvalidInput, and WrongState if the name has a token already.
        """
        lifetime = None if expires is None else read_span("expires", expires, "create_token")
        made = await create_token(self._store, name, role, payloads=payloads, workflows=workflows, lifetime=lifetime)
        published = await self._store.list_plans() if made.kept.workflows else ()
        return made._replace(unpublished=tuple(each for each in made.kept.workflows if each not in published))

    async def list_tokens(self) -> list[StoredToken]:
        """Return the tokens, by name."""
        return await self._store.list_tokens()

    async def revoke_token(self, name: str) -> bool:
        """Revoke the token of this name, effective within seconds; returns False if there was none."""
        return await self._store.revoke_token(name)

    # -- dead letters

    async def list_dead_letters(
        self, *, topic: str | None = None, limit: int = 50, after: str | None = None
    ) -> LetterPage:
        """Return a page of dead letters, newest first; ``after`` is the ``next`` of the page before."""
        return await self._store.list_dead_letters(topic=topic, limit=limit, after=after)

    async def get_dead_letter(self, letter_id: int) -> DeadLetter:
        """Return a dead letter; raises UnknownLetter."""
        return await self._store.get_dead_letter(letter_id)

    async def replay_dead_letters(self, ids: Iterable[int], *, patience: Duration = 3.0) -> list[Replayed]:
        """Publish dead letters again, unchanged; returns the fate of each after ``patience`` at most.

        A letter that is the message of a run's pending step is dropped. All others stay until they are dropped. Raises
        UnknownLetter, with nothing published.
        """
        letters = [await self._store.get_dead_letter(letter_id) for letter_id in dict.fromkeys(ids)]
        await self._attest(DeedVerb.DEAD_REPLAY, {"ids": [letter.id for letter in letters]})
        return await replay(
            self._runtime(), letters, read_span("patience", patience, "replay_dead_letters").total_seconds()
        )

    async def drop_dead_letters(self, ids: Collection[int] | None = None, *, older_than: Duration = 0.0) -> int:
        """Delete dead letters (these ids, or all) that last arrived this long ago; returns their number.

        Raises UnknownLetter if ids are given and none of them exists.
        """
        age = read_span("older_than", older_than, "drop_dead_letters")
        wanted: list[JsonValue] | None = None if ids is None else [*ids]
        await self._attest(DeedVerb.DEAD_DROP, {"ids": wanted, "older_than": age.total_seconds()})
        dropped = await self._store.drop_dead_letters(ids, older_than=age)
        if ids and not dropped and not age:
            raise UnknownLetter(f"no dead letter has the id {', '.join(map(str, ids))}")
        return dropped

    # -- deeds

    async def list_deeds(self, *, limit: int = 50) -> list[DeedView]:
        """Return the newest deeds of people, to runs and to the installation, such as pruning; oldest first."""
        return [view_of(each) for each in await self._store.load_deeds(None, limit=limit)]

    async def _attest(self, verb: DeedVerb, arguments: Mapping[str, JsonValue]) -> None:
        """Record the deed that is about to be done; raises ConfigError without a key that may sign it."""
        await self._store.record_deeds([await attest(self._runtime(), verb, None, arguments)])


def _require_final(statuses: Collection[RunStatus]) -> None:
    if unfinished := sorted(OPEN.intersection(statuses)):
        raise InvalidInput(f"runs that are {unfinished[0]} are not over; there are: {', '.join(sorted(FINAL))}")


def _are_all(statuses: Collection[RunStatus]) -> bool:
    return frozenset(statuses) >= FINAL

"""What is attested of a run's end is kept with it."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownRun
from paigeant.model.hops import Verdict
from paigeant.testing.builders import completed, failed
from paigeant.testing.stores.backend import Connect, StoreBackend


class AttestationGuarantees(StoreBackend):
    """What ``get_attestation`` promises."""

    async def test_what_was_attested_of_the_last_hop_is_kept_with_the_end(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await self.settle(store, completed(grant))
        [last] = await self.take(store)
        assert await store.get_attestation(grant.key.workflow_id) is None

        await self.settle(store, replace(completed(last), attestation=b"signed\x00"))

        assert await store.get_attestation(grant.key.workflow_id) == b"signed\x00"

    async def test_a_refused_commit_attests_nothing(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        [second] = await self.take_over(store)
        assert await self.settle(store, replace(completed(first), attestation=b"forged")) == [Verdict.FENCED]

        await self.settle(store, completed(second))

        assert await store.get_attestation(first.key.workflow_id) is None

    async def test_a_run_that_goes_on_after_its_end_is_attested_anew(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, replace(failed(grant), attestation=b"failed"))

        await store.resume(grant.key.workflow_id)

        assert await store.get_attestation(grant.key.workflow_id) is None
        [again] = await self.take(store)
        await self.settle(store, replace(completed(again), attestation=b"completed"))
        assert await store.get_attestation(grant.key.workflow_id) == b"completed"

    async def test_of_an_unknown_run_there_is_no_attestation(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft")

        async with connect("elsewhere") as other:
            for asked in (store.get_attestation(uuid4()), other.get_attestation(grant.key.workflow_id)):
                with pytest.raises(UnknownRun):
                    await asked

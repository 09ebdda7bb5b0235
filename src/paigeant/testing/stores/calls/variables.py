"""Contract tests of variables set by a running step: visible at once."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from paigeant.abc import Store
from paigeant.model.hops import Grant
from paigeant.model.stored.checkpoints import Recorded, Recording
from paigeant.model.values.values import Blob, Ref, Value, inline, shelve
from paigeant.testing.builders import completed
from paigeant.testing.stores.backend import StoreBackend


def setting(grant: Grant, name: str, value: Value, blob: Blob | None = None) -> list[Recording]:
    """Return a variable to be set under this lease."""
    return [Recording(grant.held, variable=(name, value), blob=blob)]


class SavedVariableGuarantees(StoreBackend):
    """Guarantees of ``record_checkpoints`` for variables."""

    async def test_a_variable_that_a_step_sets_is_there_at_once_and_the_next_attempt_writes_over_it(
        self, store: Store
    ) -> None:
        first = await self.begin(store, "draft", "print", lease=self.lease)
        value, blob = shelve(b'"%b"' % (b"x" * 5000))
        run = first.key.workflow_id

        assert await store.record_checkpoints(setting(first, "text", value, blob)) == [Recorded(alive=True)]
        assert await store.load_variables(run) == {"text": value}
        assert await store.load_values(run, [value.sha256 if isinstance(value, Ref) else ""])

        [second] = await self.take_over(store)
        assert await store.record_checkpoints(setting(first, "text", inline("stale"))) == [Recorded(alive=False)]
        await store.record_checkpoints(setting(second, "text", inline("new")))
        assert await store.load_variables(run) == {"text": inline("new")}

    async def test_of_what_is_set_together_the_later_counts(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")

        both = [*setting(grant, "text", inline("first")), *setting(grant, "text", inline("second"))]
        await store.record_checkpoints(both)

        assert await store.load_variables(grant.key.workflow_id) == {"text": inline("second")}

    async def test_what_a_commit_sets_writes_over_what_its_step_has_set_before(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")
        for name in ("text", "title"):
            await store.record_checkpoints(setting(grant, name, inline("before")))

        await store.record_step_result([completed(grant, "done", variables={"text": inline("after")})], self.lease)

        found = await store.load_variables(grant.key.workflow_id)
        assert found == {"draft": inline("done"), "text": inline("after"), "title": inline("before")}

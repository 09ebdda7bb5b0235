"""Contract tests of budgets: concurrent requests never reserve more than the cap."""

# ruff: noqa: D102, S101, PLR2004 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from decimal import Decimal

from paigeant.abc import Store
from paigeant.model.hops import Grant
from paigeant.model.spending.budgets import Amount, Budget, Cap
from paigeant.model.spending.charges import Charge
from paigeant.model.spending.money import picos_of
from paigeant.model.stored.checkpoints import Checkpoint, Recording
from paigeant.model.stored.reservations import Reservation, Reserved
from paigeant.testing.builders import completed, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend

TOKENS = (Budget(tokens=100),)
ROOM = Reserved(alive=True)


def asking(grant: Grant, key: str, tokens: int, *budgets: Budget, agent: str | None = None) -> Reservation:
    """Return a reservation of this many tokens."""
    return Reservation(grant.held, key, budgets or TOKENS, Amount(0, tokens), agent)


async def reserve(store: Store, asked: Reservation) -> Reserved:
    """Reserve for one call."""
    [answer] = await store.reserve([asked])
    return answer


def spending(grant: Grant, key: str, tokens: int, *budgets: Budget, usd: str | None = None) -> Recording:
    """Return the recording of a request with this many tokens."""
    charge = Charge(key, "openai", "m", tokens, cost=None if usd is None else Decimal(usd), agent="writer")
    return Recording(grant.held, Checkpoint(key, b"1"), (charge,), budgets=budgets or TOKENS)


class BudgetGuarantees(StoreBackend):
    """Guarantees of the contract ``Budgets``."""

    async def test_room_is_reserved_up_to_the_cap_and_not_beyond(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        assert await reserve(store, asking(grant, "a", 60)) == ROOM
        assert await reserve(store, asking(grant, "b", 40)) == ROOM
        refused = (await reserve(store, asking(grant, "c", 1))).lacking

        assert refused is not None
        assert (refused.cap, refused.spent, refused.reserved) == (Cap(tokens=100), Amount(), Amount(0, 100))
        assert refused.in_flight

    async def test_what_a_request_came_to_takes_the_place_of_what_it_reserved(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await reserve(store, asking(grant, "a", 90))

        await store.record_checkpoints([spending(grant, "a", 20)])

        assert await reserve(store, asking(grant, "b", 80)) == ROOM
        await store.release_reservation(grant.held, "b")
        refused = (await reserve(store, asking(grant, "c", 81))).lacking
        assert refused is not None
        assert (refused.spent, refused.in_flight) == (Amount(0, 20), False)

    async def test_a_repeat_reserves_and_counts_once(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        for _ in range(3):
            assert await reserve(store, asking(grant, "a", 60)) == ROOM

        for _ in range(3):
            await store.record_checkpoints([spending(grant, "a", 60), spending(grant, "a", 60)])

        [budget] = await store.list_budgets()
        assert (budget.spent_tokens, budget.reserved_tokens, budget.tokens) == (60, 0, 100)

    async def test_requests_at_one_moment_never_reserve_more_than_there_is(
        self, store: Store, connect: Connect
    ) -> None:
        """Two workers and twenty steps of one workflow, each of which reserves a tenth of the day's cap."""
        day = Budget(tokens=100, per="workflow/day")
        grants = [await self.begin(store, "draft") for _ in range(20)]

        async with connect("default") as other:
            answers = await asyncio.gather(
                *(reserve((store, other)[n % 2], asking(grant, "a", 10, day)) for n, grant in enumerate(grants))
            )

        assert sum(answer == ROOM for answer in answers) == 10
        [budget] = await store.list_budgets()
        assert (budget.reserved_tokens, budget.spent_tokens) == (100, 0)

    async def test_those_that_ask_together_are_answered_one_after_the_other(self, store: Store) -> None:
        first, lost, second = [await self.begin(store, "draft", lease=self.lease) for _ in range(3)]
        day = Budget(tokens=100, per="workflow/day")
        assert await reserve(store, asking(first, "a", 50, day)) == ROOM
        dead = asking(lost, "a", 1, day)._replace(held=lost.held._replace(fence=lost.fence + 1))

        answers = await store.reserve(
            [
                *(asking(first, "a", 60, day), dead, asking(second, "a", 41, day), asking(second, "b", 40, day)),
                *(asking(first, "a", 60, day), asking(second, "c", 1, day), asking(second, "c", 1, TOKENS[0])),
            ]
        )

        assert [answer.alive for answer in answers] == [True, False, True, True, True, True, True]
        lacking = [answer.lacking for answer in answers]
        assert [each is None for each in lacking] == [True, True, False, True, True, False, True]
        assert [each.reserved.tokens for each in lacking if each is not None] == [60, 100]
        assert sorted(budget.reserved_tokens for budget in await store.list_budgets()) == [1, 100]
        assert await store.reserve([]) == []

    async def test_what_two_workers_spend_at_one_moment_is_counted_whole(self, store: Store, connect: Connect) -> None:
        day = Budget(usd=Decimal(5), per="workflow/day")
        grants = [await self.begin(store, "draft") for _ in range(10)]

        async with connect("default") as other:
            await asyncio.gather(
                *(
                    (store, other)[n % 2].record_checkpoints([spending(grant, "a", 1, day, usd="0.000000000001")])
                    for n, grant in enumerate(grants)
                )
            )

        [budget] = await store.list_budgets()
        assert (budget.spent_usd, budget.spent_tokens) == (Decimal("0.00000000001"), 10)

    async def test_room_is_reserved_in_all_budgets_or_in_none(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        small, large = Budget(tokens=10, per="step"), Budget(tokens=1000)

        refused = (await reserve(store, asking(grant, "a", 11, large, small))).lacking

        assert refused is not None
        assert refused.budget == small
        assert all(budget.reserved_tokens == 0 for budget in await store.list_budgets())

    async def test_a_hop_that_is_over_holds_no_room(self, store: Store) -> None:
        day = Budget(tokens=100, per="agent/day")
        first, second = await self.begin(store, "draft"), await self.begin(store, "draft")
        await reserve(store, asking(first, "a", 100, day, agent="writer"))
        assert (await reserve(store, asking(second, "a", 1, day, agent="writer"))).lacking is not None

        await self.settle(store, completed(first))

        assert await reserve(store, asking(second, "a", 100, day, agent="writer")) == ROOM

    async def test_a_step_that_was_begun_afresh_holds_no_room(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await reserve(store, asking(grant, "a", 100))

        await store.start_afresh(grant.held)

        assert await reserve(store, asking(grant, "b", 100)) == ROOM

    async def test_nobody_reserves_or_gives_back_under_a_lease_that_is_lost(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await reserve(store, asking(first, "a", 60))
        [second] = await self.take_over(store)

        assert await reserve(store, asking(first, "b", 1)) == Reserved(alive=False)
        assert await reserve(store, asking(second, "a", 70)) == ROOM  # the same call, repeated
        await store.release_reservation(first.held, "a")

        [budget] = await store.list_budgets()
        assert budget.reserved_tokens == 70

    async def test_budgets_are_of_what_they_are_for_and_of_a_namespace(self, store: Store, connect: Connect) -> None:
        one = await self.begin_run(store, new_run("draft", tenant="acme"))
        other = await self.begin_run(store, new_run("draft", tenant="zeta"))
        none = await self.begin(store, "draft")
        tenant = Budget(tokens=10, per="tenant/day")

        assert await reserve(store, asking(one, "a", 10, tenant)) == ROOM
        assert await reserve(store, asking(other, "a", 10, tenant)) == ROOM
        assert await reserve(store, asking(none, "a", 1_000, tenant)) == ROOM  # without a tenant

        scopes = [budget.scope.split()[:2] for budget in await store.list_budgets()]
        assert sorted(scopes) == [["tenant", "acme"], ["tenant", "zeta"]]
        async with connect("elsewhere") as elsewhere:
            assert await elsewhere.list_budgets() == []

    async def test_a_cap_that_was_raised_stays_so(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        refused = (await reserve(store, asking(grant, "a", 150))).lacking
        assert refused is not None

        raised = asking(grant, "a", 150)._replace(raised={refused.scope: Cap(tokens=200)})
        assert await reserve(store, raised) == ROOM
        await store.record_checkpoints([spending(grant, "a", 150)])

        assert await reserve(store, asking(grant, "b", 50)) == ROOM
        assert (await reserve(store, asking(grant, "c", 1))).lacking is not None
        assert [budget.tokens for budget in await store.list_budgets()] == [200]

    async def test_money_is_exact(self, store: Store) -> None:
        grant, budget = await self.begin(store, "draft"), Budget(usd=Decimal("0.000000000002"))
        wants = Amount(picos_of(Decimal("0.000000000001")) or 0, 10**6)

        answers = [await reserve(store, Reservation(grant.held, key, (budget,), wants)) for key in "abc"]

        assert [answer == ROOM for answer in answers] == [True, True, False]

    async def test_budgets_of_runs_go_with_them_and_those_of_days_when_they_are_past(self, store: Store) -> None:
        per: list[Budget] = [Budget(tokens=9, per=kind) for kind in ("run", "step", "workflow/day")]  # pyright: ignore[reportArgumentType]
        done, open_ = [await self.begin(store, "draft") for _ in range(2)]
        for grant in (done, open_):
            await reserve(store, asking(grant, "a", 1, *per))
            await store.record_checkpoints([spending(grant, "a", 1, *per)])
        await store.record_step_result([completed(done)], self.lease)

        assert await store.prune(-self.lease) == 1
        assert await store.prune(-self.lease) == 0  # past days are deleted by a call without runs

        left = [view.scope for view in await store.list_budgets()]
        assert sorted(scope.partition(" ")[0] for scope in left) == ["run", "step"]
        assert all(str(open_.key.workflow_id) in scope for scope in left)

"""Contract tests of access tokens: found by digest, until they expire."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from datetime import timedelta

import pytest

from paigeant.abc import Store
from paigeant.errors import WrongState
from paigeant.model.stored.access_tokens import TokenGrant, TokenRole, token_digest
from paigeant.testing.stores.backend import Connect, StoreBackend

VERA = TokenGrant(name="vera", role=TokenRole.VIEWER, payloads=False)
OTTO = TokenGrant(name="otto", role=TokenRole.OPERATOR, payloads=True, workflows=("article", "book"))


class TokenGuarantees(StoreBackend):
    """Guarantees of :class:`paigeant.abc.AccessTokens`."""

    async def test_a_token_is_found_by_its_digest_until_it_is_revoked(self, store: Store) -> None:
        vera = await store.record_token(VERA, token_digest("one"), timedelta(days=90))
        otto = await store.record_token(OTTO, token_digest("two"))

        assert (vera.name, vera.role, vera.payloads) == ("vera", TokenRole.VIEWER, False)
        assert vera.expires_at == vera.created_at + timedelta(days=90)
        assert (otto.expires_at, otto.workflows) == (None, ("article", "book"))
        assert await store.find_token(token_digest("one")) == vera
        assert await store.find_token(token_digest("three")) is None
        assert await store.list_tokens() == [otto, vera]

        assert await store.revoke_token("vera")
        assert not await store.revoke_token("vera")
        assert await store.find_token(token_digest("one")) is None
        assert await store.list_tokens() == [otto]

    async def test_one_that_has_expired_counts_no_more(self, store: Store) -> None:
        await store.record_token(VERA, token_digest("one"), timedelta(0))

        assert await store.find_token(token_digest("one")) is None
        assert [token.name for token in await store.list_tokens()] == ["vera"]

    async def test_somebody_has_one_at_a_time(self, store: Store) -> None:
        await store.record_token(VERA, token_digest("one"))

        with pytest.raises(WrongState, match="vera has a token already"):
            await store.record_token(VERA, token_digest("two"))
        assert await store.find_token(token_digest("two")) is None

    async def test_it_counts_in_its_namespace_only(self, connect: Connect) -> None:
        async with connect("here") as here, connect("there") as there:
            await here.record_token(VERA, token_digest("one"))

            assert await there.find_token(token_digest("one")) is None
            assert await there.list_tokens() == []

"""Identity of a step: tokens for audiences, exchanged under its lease and cached while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn, Protocol, TypeVar

from paigeant.abc import IdentityAccess
from paigeant.engine.hop.heartbeat import Progress
from paigeant.engine.hop.session.recorder import StepRecorder
from paigeant.errors import GrantExpired, IdentityRefused
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Parked
from paigeant.model.secrecy.grants import IssuedToken, TokenRequest
from paigeant.routing.unwind import reauthenticate

T = TypeVar("T")

SPARE: Final = timedelta(seconds=30)
"""Remaining lifetime below which a token is not returned any more."""


class _Step(Protocol):
    """Session methods that this uses."""

    async def here(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await it in the worker's event loop."""
        ...

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat it while the store is unavailable."""
        ...

    def ended(self) -> BaseException:
        """Return the error that ends the code of a step whose lease is lost."""
        ...

    def wait(self, outcome: Parked) -> NoReturn:
        """End the step's code."""
        ...


class LeasedIdentity(IdentityAccess):
    """Identity of one execution. Its tokens are dropped at the end."""

    def __init__(self, recorder: StepRecorder, leased: Leased, progress: Progress, step: _Step) -> None:
        """Read the run's grant under its lease; tokens are held by ``progress``, so that they are masked."""
        self._recorder = recorder
        self._leased = leased
        self._progress = progress
        self._step = step
        self._asking = asyncio.Lock()
        self._given: dict[tuple[str, frozenset[str]], IssuedToken] = {}

    async def token(self, audience: str, scopes: frozenset[str]) -> str:
        """Return a token for an audience."""
        asked = self._asked(audience, scopes)
        return (await self._step.here(self._token(asked))).value

    def _asked(self, audience: str, scopes: frozenset[str]) -> TokenRequest:
        """Return the request; raises IdentityRefused for one that the run may not make."""
        headers = self._leased.message.headers
        handle, policy = headers.security.obo_token, headers.run.identity
        if handle is None:
            raise IdentityRefused("the run was dispatched without an identity: dispatch(..., obo_token=...)")
        lacking = None if policy is None else policy.lacks(audience, scopes)
        if lacking is not None:
            raise IdentityRefused(lacking)
        return TokenRequest(headers.run.root, handle, audience, scopes)

    async def _token(self, asked: TokenRequest) -> IssuedToken:
        key = (asked.audience, asked.scopes)
        async with self._asking:
            known = self._given.get(key)
            if known is None or known.expires_at - SPARE <= datetime.now(UTC):
                known = self._given[key] = await self._exchange(asked)
                self._progress.secrets.hold(f"the token for {asked.audience}", known.value)
            return known

    async def _exchange(self, asked: TokenRequest) -> IssuedToken:
        store, owner, held = self._recorder.store, self._recorder.owner, self._leased.grant.held
        answer = await self._step.patiently(lambda: store.load_grant(held, owner, asked.workflow_id))
        if not answer.alive:
            raise self._step.ended()
        if answer.sealed is None:
            self._step.wait(reauthenticate("the run has no identity any more"))
        try:
            return await self._recorder.identities().exchange(answer.sealed, asked)
        except GrantExpired as error:
            self._step.wait(reauthenticate(str(error)))

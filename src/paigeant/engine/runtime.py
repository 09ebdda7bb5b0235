"""Runtime: the parts that the engine works with, chosen and connected by the composition root."""

from __future__ import annotations

import os
import random
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final

from paigeant.abc import Codec, Identities, SecretBox, Store, Transport
from paigeant.activities.registry import ActivityRegistry
from paigeant.engine.hooks import GuardedHooks
from paigeant.engine.plans import PlanCache
from paigeant.engine.takers import Takers
from paigeant.errors import ConfigError
from paigeant.model.events import Event, Trouble
from paigeant.model.spending.budgets import Budget
from paigeant.model.spending.prices import Price

_UNOBSERVED: Final = GuardedHooks()


def no_identities() -> Identities:
    """Raise ConfigError: no identity provider is configured."""
    raise ConfigError("no identity provider is configured: set PAIGEANT_IDENTITY_ISSUER, _AUDIENCE and _CLIENT_ID")


def no_secrets() -> SecretBox:
    """Raise ConfigError: this runtime was made by hand, without keys."""
    raise ConfigError("no keys are configured here with which secrets are sealed and opened")


def new_owner() -> str:
    """Return the owner name of a worker or another leasing process: with host and process id, and never reused."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Parts of one process: ``owner`` is its name, new for each start and never reused.

    Without a ``transport`` hops are claimed from the store. ``lease`` is the length of leases before a renewal.
    ``clock`` is monotonic, also while the event loop is blocked: it measures how long a lease can be relied on. An
    event loop that is blocked for ``stall`` counts as hung. ``chance`` draws the jitter of retries, 0 to 1. ``budgets``
    count the model requests of all steps, at ``prices`` if these have the model. ``takers`` are the workers of the
    process. ``identities`` creates, once, the identity provider; it raises ConfigError without a configured one.
    ``secrets`` creates, once, the secret box; it raises ConfigError for keys that cannot be read.
    """

    store: Store
    codec: Codec
    registry: ActivityRegistry
    owner: str
    lease: timedelta
    transport: Transport | None = None
    hooks: GuardedHooks = _UNOBSERVED
    clock: Callable[[], float] = monotonic
    stall: timedelta = timedelta(seconds=60)
    chance: Callable[[], float] = random.random
    budgets: Sequence[Budget] = ()
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    plans: PlanCache = field(default_factory=PlanCache)
    takers: Takers = field(default_factory=Takers)
    identities: Callable[[], Identities] = no_identities
    secrets: Callable[[], SecretBox] = no_secrets

    def report(self, event: Event) -> None:
        """Pass an event to the hooks. For frequent events, check ``hooks.wants`` first."""
        self.hooks.report(event)

    def trouble(self, doing: str, error: BaseException) -> None:
        """Report a failure that is retried."""
        self.report(Trouble(self.owner, doing, error))

"""The parts that the engine works with, chosen and joined by the composition root."""

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
    """Raise ConfigError: where no provider is configured nobody can act for anybody."""
    raise ConfigError("no identity provider is configured: set PAIGEANT_IDENTITY_ISSUER, _AUDIENCE and _CLIENT_ID")


def no_secrets() -> SecretBox:
    """Raise ConfigError: this runtime was made by hand, without keys."""
    raise ConfigError("no keys are configured here with which secrets are sealed and opened")


def new_owner() -> str:
    """Return a name for a worker or another process that leases: of this host and process, and never used again."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of one process: ``owner`` is its name, new for each start and never reused.

    Without a ``transport`` the store's pick is the intake. A step is held for ``lease`` before that must be renewed.
    ``clock`` tells seconds that never go back, also while the event loop is blocked: how long a lease is relied on.
    An event loop that has stood still for ``stall`` is taken for hung. ``chance`` draws the jitter of retries, 0 to 1.
    In ``budgets`` the requests to models of all steps count, at ``prices`` where these name the model. ``takers`` are
    the workers of the process. ``identities`` makes, once, what vouches for those for whom runs act; it raises
    ConfigError where none is configured.
    ``secrets`` makes, once, what seals and opens secrets; it raises ConfigError for keys that cannot be read.
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
        """Tell the hooks. For what is frequent, ask ``hooks.wants`` first."""
        self.hooks.report(event)

    def trouble(self, doing: str, error: BaseException) -> None:
        """Report what failed and is tried again."""
        self.report(Trouble(self.owner, doing, error))

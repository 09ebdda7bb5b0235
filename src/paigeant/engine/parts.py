"""What the engine works with, chosen and joined by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from paigeant.abc import Codec, Hooks, Store, Transport
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.events import Trouble
from paigeant.model.hops import Grant, Leased, Undo


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one process: ``owner`` is its name, new for each start and never reused.

    Without a ``transport`` the store's pick is the intake. A step is held for ``lease`` before that must be renewed.
    """

    store: Store
    codec: Codec
    registry: ActivityRegistry
    owner: str
    lease: timedelta
    transport: Transport | None = None
    hooks: Hooks = Hooks()  # noqa: RUF009  (it has no state)

    def open(self, grant: Grant) -> Leased:
        """Return the step of a grant; raises :class:`~paigeant.errors.MessageRejected` for bytes that do not open."""
        undo = self.registry[grant.topic].undo if grant.topic in self.registry else Undo.NEVER
        return Leased(grant, self.codec.open(grant.body), undo)

    def trouble(self) -> Callable[[str, BaseException], None]:
        """Return the way to report what failed and is tried again."""
        return lambda doing, error: self.hooks.on_event(Trouble(self.owner, doing, error))

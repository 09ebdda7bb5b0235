"""How telemetry gets to see what happens."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from paigeant.model.events import Event
from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage


class Hooks:
    """Sees what happens and changes nothing; telemetry lives here. All defaults do nothing."""

    def around_dispatch(self, message: PaigeantMessage) -> AbstractAsyncContextManager[None]:
        """Wrap one dispatch."""
        del message
        return nullcontext()

    def around_step(self, leased: Leased) -> AbstractAsyncContextManager[None]:
        """Wrap one execution of a step, from lease to commit."""
        del leased
        return nullcontext()

    def on_event(self, event: Event) -> None:
        """See one event; must not block or raise. That the event loop hangs is told by another thread."""

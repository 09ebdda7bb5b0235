"""A hook that could never be called, or would be called in vain, is refused where it is given."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant
from paigeant.abc import Hooks
from paigeant.errors import RegistrationError
from paigeant.model.events import StepEnded


class Async(Hooks):
    async def on_event(self, event):  # type: ignore[override]  (that is wrong with it)
        pass


class Coroutine(Hooks):
    async def around_step(self, leased):  # type: ignore[override]  (that is wrong with it)
        pass


class Undecorated(Hooks):
    def around_dispatch(self, plan):  # type: ignore[override]  (that is wrong with it)
        yield


class Misspelt(Hooks):
    def on_evnt(self, event):
        pass


class Named(Hooks):
    wanted_events = "StepEnded"  # type: ignore[assignment]


class Good(Hooks):
    wanted_events = frozenset({StepEnded})

    @contextmanager
    def around_step(self, leased):
        yield

    def counted(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (Async(), "Async.on_event is async, and nothing awaits it: make it a plain def"),
        (Coroutine(), "Coroutine.around_step is no context manager: it yields once, under @asynccontextmanager"),
        (Undecorated(), "Undecorated.around_dispatch is no context manager: it yields once, under @contextmanager"),
        (Misspelt(), "Misspelt has no call 'on_evnt'; did you mean 'on_event'?"),
        (Named(), "Named.wanted_events should be a set of classes of paigeant.model.events"),
        (Good, "it should be Hooks, as MyHooks()"),
    ],
)
def test_what_is_wrong_with_a_hook_is_said_with_the_line(hook: Any, said: str):
    with pytest.raises(RegistrationError) as caught:
        Paigeant(ActivityRegistry(), hooks=[Good(), hook])

    assert said in str(caught.value)
    assert __file__ in str(caught.value)


def test_hooks_may_have_what_else_they_like():
    Paigeant(ActivityRegistry(), hooks=Good())

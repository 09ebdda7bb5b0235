"""The safeguards that are decisions of the program, and how each is taken away: in ``paigeant.protocol`` itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest

from paigeant.model.spending.budgets import NOTHING
from paigeant.protocol import holds, leases, operate, signals, verdict
from paigeant.protocol.calls import recorded
from paigeant.protocol.spending import room
from paigeant.protocol.states import HopState


def _is_alive(hop: HopState | None, fence: int, *, without: frozenset[str]) -> bool:
    owned = hop is not None and ("pending" in without or leases.is_leased(hop))
    return hop is not None and owned and ("fence" in without or leases.has_fence(hop, fence))


def _take(hop: HopState, *args: Any, without: frozenset[str], take: Callable[..., leases.Taken]) -> leases.Taken:
    taken = take(hop, *args)
    if "end of a wait at the lease" in without:
        taken = taken._replace(awaits=cast("Any", hop).awaits)
    fence = hop.fence if "fence of a lease" in without else taken.fence
    return taken._replace(fence=fence, attempt=hop.attempt if "attempt" in without else taken.attempt)


def take_away(patch: pytest.MonkeyPatch, without: frozenset[str]) -> None:
    """Put something in the place of the real decisions that does without these safeguards."""
    release, hold, abandon, receive = leases.release, holds.hold, operate.abandon, signals.receive
    substitutes: dict[tuple[Any, str], tuple[set[str], Callable[..., Any]]] = {
        (leases, "is_alive"): ({"fence", "pending"}, partial(_is_alive, without=without)),
        (leases, "take"): (
            {"fence of a lease", "attempt", "end of a wait at the lease"},
            partial(_take, without=without, take=leases.take),
        ),
        (leases, "release"): ({"fence of a release"}, lambda hop, now: release(hop, now)._replace(fence=hop.fence)),
        (holds, "hold"): (
            {"fence of a retry"},
            lambda hop, held, commit, now, *, closes=False: hold(hop, held, commit, now, closes=closes)._replace(
                fence=hop.fence
            ),
        ),
        (leases, "is_interrupted"): ({"interruption"}, lambda hop: False),
        (leases, "choose_suspects"): ({"suspects run alone"}, lambda suspects, holds_one: suspects),
        (operate, "abandon"): ({"fence of an end"}, lambda hop, now: abandon(hop, now)._replace(fence=hop.fence)),
        (signals, "find_kept"): (
            {"once for a signal"},
            lambda name, kept: min(kept, key=lambda one: one.number, default=None),
        ),
        (signals, "receive"): (
            {"id of a signal"},
            lambda run, name, waits, repeated, kept: receive(run, name, waits, repeated=False, kept=kept),
        ),
        (verdict, "is_committed"): ({"execution"}, lambda hop, execution: False),
        (verdict, "is_closed"): ({"status"}, lambda run: False),
        (verdict, "is_repeated"): ({"once"}, lambda completes, done: False),
        (verdict, "may_hand_over"): ({"cancel request at the hand-over"}, lambda run, path="": True),
        (recorded, "counting"): ({"adoption"}, lambda mine, first: mine),
        (recorded, "uncharged"): ({"key of a charge"}, lambda charges, is_known: iter(charges)),
        (room.Room, "others"): ({"own reservation"}, lambda self, call, scope: self.reserved.get(scope, NOTHING)),
        (verdict, "is_as_given"): ({"only as it was given"}, lambda hop, owner: leases.is_leased(hop)),
    }
    for (module, name), (safeguards, substitute) in substitutes.items():
        if without & safeguards:
            patch.setattr(module, name, substitute)

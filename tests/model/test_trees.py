"""Branches, waits and children keep their promises in every world; each safeguard taken away breaks one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pytest

from paigeant.model.entries.fan import OnFault
from paigeant.model.fan.joins import JoinState
from paigeant.protocol import leases
from paigeant.protocol.fan import joins
from paigeant.protocol.tree import children
from tests.model.explorer import Rules, explore
from tests.model.tree.moves import moves
from tests.model.tree.nouns import Faults, Setting, World
from tests.model.tree.promises import COUNTED, FIRED, LATE, PASSED, WIDE, ZOMBIE, broken, settled


def _same(world: World) -> World:
    return world


RULES = Rules(moves, broken, settled, _same)
STUCK = "a run is stuck"

SETTINGS = {
    "branches run one at a time, workers die and hear no answer": (
        Setting(faults=Faults(crash=1, slow=1, silence=1)),
        1_000,
    ),
    "branches run at once, and leases run out": (Setting(window=2, faults=Faults(slow=1, silence=1)), 1_000),
    "one branch is enough, and the other is cancelled": (
        Setting(window=2, needed=1, undoable=True, faults=Faults(crash=1, slow=1)),
        1_000,
    ),
    "a branch fails, and the others are undone": (
        Setting(window=2, undoable=True, faults=Faults(error=1, slow=1)),
        1_000,
    ),
    "a branch of two steps fails in the middle": (
        Setting(window=1, steps=2, undoable=True, faults=Faults(error=1, crash=1)),
        500,
    ),
    "the others end first, or it is skipped": (
        Setting(window=1, on_fault=OnFault.SKIP, faults=Faults(error=2, slow=1)),
        500,
    ),
    "a run is cancelled, or terminated, amid its branches": (
        Setting(window=1, faults=Faults(cancel=1, terminate=1, slow=1)),
        1_000,
    ),
    "a node waits for a signal, which comes early, late and twice": (
        Setting("wait", faults=Faults(signal=2, again=1, crash=1, slow=1, silence=1)),
        500,
    ),
    "a node waits for a signal, and its run is cancelled": (
        Setting("wait", faults=Faults(signal=1, cancel=1, terminate=1, slow=1)),
        100,
    ),
    "a child begins and ends, workers die and hear no answer": (
        Setting("child", faults=Faults(crash=1, slow=1, silence=1, error=1)),
        500,
    ),
    "a run is cancelled, or terminated, amid its child": (
        Setting("child", faults=Faults(cancel=1, terminate=1, slow=1, silence=1)),
        500,
    ),
}


@pytest.mark.parametrize(("setting", "least"), SETTINGS.values(), ids=SETTINGS)
def test_all_promises_hold_when(setting: Setting, least: int) -> None:
    report = explore(setting, rules=RULES)

    print(report)  # noqa: T201  (with -rP, or when it fails)
    assert report.broken is None, report
    assert report.worlds >= least


class Case(NamedTuple):
    """With this in the place of a decision, in this setting, this promise breaks."""

    where: Any
    name: str
    instead: Any
    setting: Setting
    breaks: str


def _all_at_once(join: JoinState) -> joins.JoinChange:
    """Release without a look at the window."""
    released = range(join.released, join.written)
    after = replace(join, released=join.written)
    return joins.JoinChange(after, released, due=after.settled or after.low)


def _forgets(join: JoinState, made: Any, count: int, *, supply: Callable[..., joins.JoinChange]) -> joins.JoinChange:
    """Supply, and look no more whether all have ended meanwhile, or whether there is room."""
    change = supply(join, made, count)
    return change._replace(released=joins.NONE, due=False) if join.written else change


TWO = Setting(window=2)
WITHOUT_LOCK = frozenset({"lock of a join"})
CASES = {
    "without a fence, and without asking whether the hop is pending, an arrival counts twice": Case(
        leases, "is_alive", lambda hop, fence: hop is not None, TWO._replace(faults=Faults(slow=1)), ZOMBIE
    ),
    "counted outside of the lock, an arrival is forgotten or counts twice": Case(
        None, "", None, TWO._replace(without=WITHOUT_LOCK), COUNTED
    ),
    "a supply that forgets what arrived meanwhile leaves the rest waiting": Case(
        joins, "fan_out", partial(_forgets, supply=joins.fan_out), TWO, STUCK
    ),
    "a join that fires as soon as enough have completed leaves branches behind": Case(
        JoinState, "settled", property(lambda join: join.completed >= join.start.needed), TWO._replace(needed=1), FIRED
    ),
    "without a window all begin at once": Case(joins, "_release", _all_at_once, Setting(), WIDE),
    "without the lock of its run a signal and its wait pass each other by": Case(
        None, "", None, Setting("wait", faults=Faults(signal=1), without=frozenset({"lock of a signal"})), PASSED
    ),
    "a child's end that tells nobody leaves its parent waiting": Case(
        children, "may_tell", lambda hop: False, Setting("child"), STUCK
    ),
    "a child that begins without a look at a cancel request begins late": Case(
        children, "may_begin", lambda run, path: True, Setting("child", faults=Faults(cancel=1)), LATE
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_true_that(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.where is not None:
        monkeypatch.setattr(case.where, case.name, case.instead)

    report = explore(case.setting, rules=RULES)

    print(report)  # noqa: T201  (with -rP, or when it fails)
    assert report.broken == case.breaks, report


@pytest.mark.parametrize("setting", {case.setting._replace(without=frozenset()) for case in CASES.values()})
def test_with_all_safeguards_nothing_breaks_in_these_settings(setting: Setting) -> None:
    assert explore(setting, rules=RULES).broken is None

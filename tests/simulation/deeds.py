"""What must be true of what the steps' own code did, however often, and of what it was stated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, StepStatus
from tests.simulation.activities import AT_MOST_ONCE, MISFIT, SELDOM, activity
from tests.simulation.witness import Deed, Witness, Written


def judge_deeds(seen: Witness) -> list[str]:
    """Return what is wrong with it."""
    crew = sorted({deed.who for deed in seen.deeds})
    return [
        *_keys(seen),
        *_too_often(seen),
        *_made_up(seen),
        *_details(seen),
        *(f"{deed.who} ran {deed.step}, which does not fit" for deed in seen.deeds if deed.what == MISFIT),
        *(problem for who in crew for problem in _limited(seen, who)),
    ]


def _keys(seen: Witness) -> Iterator[str]:
    """One key for all that a step did in a direction, and no other step's."""
    keys: defaultdict[tuple[UUID, UUID, Direction], set[str]] = defaultdict(set)
    for deed in seen.deeds:
        keys[deed.run, deed.step_id, deed.direction].add(deed.key)
    yield from (f"{place} has the keys {several}" for place, several in keys.items() if len(several) > 1)
    if len({key for several in keys.values() for key in several}) < len(keys):
        yield "two steps share a key"


def _too_often(seen: Witness) -> Iterator[str]:
    """At most once where that was asked for, and nowhere more attempts than the policy allows."""
    begun: Counter[tuple[HopKey, str, Direction]] = Counter()
    for deed in seen.deeds:
        if deed.run in seen.resumed:
            continue  # its attempts began again
        most = _max_attempts(deed)
        if deed.attempt > most:
            yield f"{deed.step} of {deed.run} was tried for the {deed.attempt}th time, of {most}"
        begun[deed.hop, deed.step, deed.direction] += deed.what == "begins"
    for (hop, step, direction), times in begun.items():
        if step in AT_MOST_ONCE and direction is Direction.EXECUTE and times > 1:
            yield f"{step} at {hop} was to run at most once and began {times} times"
        if step == "brittle" and times > SELDOM.max_attempts + seen.released[hop]:
            yield f"{step} at {hop} began {times} times, and was given back {seen.released[hop]} times"


def _max_attempts(deed: Deed) -> int:
    here = activity[deed.step]
    handler = here.execute if deed.direction is Direction.EXECUTE else here.compensate
    assert handler is not None
    assert handler.retry is not None
    return handler.retry.max_attempts


def _made_up(seen: Witness) -> Iterator[str]:
    """Only what was done is committed as done, by who did it."""
    ended = {(deed.who, deed.hop) for deed in seen.deeds if deed.what == "ends"}
    for commit in seen.written:
        made = commit.status is StepStatus.COMPLETED and not (commit.node or commit.recalled)
        if made and (commit.owner, commit.key) not in ended:
            yield f"{seen.name(commit.key)}: {commit.owner} committed what it did not do"


def _details(seen: Witness) -> Iterator[str]:
    """A step finds what an earlier attempt said: of one whose failure was committed, the last thing that it said."""
    said: defaultdict[HopKey, list[Deed]] = defaultdict(list)
    for deed in seen.deeds:
        what, _, detail = deed.what.partition(" ")
        if what == "said":
            said[deed.hop].append(deed)
        elif what == "found":
            earlier = said[deed.hop]
            if detail != "None" and f"said {detail}" not in {each.what for each in earlier}:
                yield f"{seen.name(deed.hop)}: found the detail {detail}, which nobody had said"
            failures = [(commit.owner, commit.attempt) for commit in _failures(seen, deed)]
            last = [each for each in earlier if (each.who, each.attempt) in failures][-1:]
            if last and deed.run not in seen.resumed and last[0].what != f"said {detail}":
                yield f"{seen.name(deed.hop)}: found the detail {detail}, not what was {last[0].what}"


def _failures(seen: Witness, deed: Deed) -> list[Written]:
    """Return the commit of the failure of the attempt before."""
    before = deed.hop, StepStatus.RETRYING, deed.attempt - 1
    return [commit for commit in seen.written if (commit.key, commit.status, commit.attempt) == before][-1:]


def _limited(seen: Witness, who: str) -> list[str]:
    """A worker runs no more of an activity at a time than its limit."""
    running: set[tuple[HopKey, int]] = set()
    for deed in seen.deeds:
        if (deed.who, deed.step) == (who, "alone"):
            place = deed.hop, deed.attempt
            running.add(place) if deed.what == "begins" else running.discard(place)
            if len(running) > 1:
                return [f"{who} ran two of a step that is limited to one"]
    return []

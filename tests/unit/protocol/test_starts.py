"""A dispatch that is repeated gets the run that is there; one with another input conflicts with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paigeant.errors import DispatchConflict
from paigeant.model.hops import RunStart, Started
from paigeant.protocol.starts import match_starts, names_of
from paigeant.testing.builders import new_run


def start(key: str | None = None) -> RunStart:
    return replace(new_run("a"), dispatch_key=key)


def test_a_run_is_new_unless_its_id_or_key_has_one():
    there, repeated, other = start("k"), start("k"), start()
    known = dict.fromkeys(names_of(there), there)

    assert match_starts([repeated, there, other], known) == [
        Started(there.workflow_id, fresh=False),
        Started(there.workflow_id, fresh=False),
        Started(other.workflow_id, fresh=True),
    ]


def test_a_repeat_within_one_call_gets_the_run_before_it():
    first, second = start("k"), start("k")

    assert match_starts([first, second], {}) == [
        Started(first.workflow_id, fresh=True),
        Started(first.workflow_id, fresh=False),
    ]


def test_the_same_key_with_another_input_says_whose_it_is():
    there, other = start("k"), replace(start("k"), input_sha256="other")

    with pytest.raises(DispatchConflict, match=f"'k' of workflow .* belongs to run {there.workflow_id}"):
        match_starts([other], dict.fromkeys(names_of(there), there))


def test_the_same_id_with_another_input_is_a_conflict_too():
    there = start()
    other = replace(there, input_sha256="other")

    with pytest.raises(DispatchConflict, match="this workflow_id"):
        match_starts([other], dict.fromkeys(names_of(there), there))

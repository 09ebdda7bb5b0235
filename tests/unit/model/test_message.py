"""A hop's name says which hop it is, and nothing else has it."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.model.message import HopKey

RUN = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@given(st.uuids(), st.text("abc:/", max_size=5), st.integers(1, 2_000))
def test_a_message_id_leads_back_to_its_hop(workflow_id: UUID, path: str, position: int) -> None:
    key = HopKey(workflow_id, path, position)

    assert HopKey.of(key.message_id) == key


@pytest.mark.parametrize("text", ["", "x", f"{RUN}", f"{RUN}:", f"{RUN}:one", f"{RUN}: 1", f"{RUN.hex}:1", f"{RUN}:01"])
def test_any_other_text_leads_nowhere(text: str) -> None:
    assert HopKey.of(text) is None

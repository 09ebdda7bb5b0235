"""A workflow that is declared or run wrongly says so at once."""

from __future__ import annotations

import pytest

from paigeant import Workflow
from paigeant.errors import ConfigError, RegistrationError


def test_a_text_is_no_list_of_steps():
    with pytest.raises(RegistrationError, match=r"its steps are a list, as \['charge'\]"):
        Workflow("pay", "charge")


async def test_the_synchronous_door_is_closed_in_an_event_loop():
    with pytest.raises(ConfigError, match=r"await run\(\) there instead"):
        Workflow("pay", ["charge"]).run_sync({})


@pytest.mark.parametrize("name", ["é", "", "-", "a" * 101])
def test_a_name_that_is_none_is_refused_with_what_one_may_be(name: str):
    with pytest.raises(RegistrationError, match=r"name: Use up to 100 letters, digits, '_', '-' and '\.', got"):
        Workflow(name, ["step"])

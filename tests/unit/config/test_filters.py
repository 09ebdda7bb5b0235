"""Saved filters are queries of the page of runs, checked where they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from paigeant.config import load_settings
from paigeant.errors import ConfigError


def test_a_saved_filter_is_the_query_of_an_address(tmp_path: Path):
    (tmp_path / "paigeant.yaml").write_text("filters:\n  failed payments: '?status=failed&workflow=pay'\n")

    assert load_settings(tmp_path).filters == {"failed payments": "?status=failed&workflow=pay"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("filters: {late: stauts=failed}", r":1: filters\.late: runs have no 'stauts'; did you mean 'status'\?"),
        ("filters: {late: status=flying}", r":1: filters\.late: status is 'flying'; "),
        ("filters: {late: failed}", r":1: filters\.late: runs have no 'failed'; there are: workflow_id"),
        ("filters: {late: ''}", r":1: filters\.late: it is ''; it should be the query of an address, as"),
        ("filters: {late: 3}", r":1: filters\.late: a filter is the query of an address, as .*, not 3"),
        ("filters: [late]", r"filters is \['late'\]; allowed: saved searches of runs"),
    ],
)
def test_what_is_no_filter_is_refused_at_its_place(tmp_path: Path, text: str, said: str):
    (tmp_path / "paigeant.yaml").write_text(text)

    with pytest.raises(ConfigError, match=said):
        load_settings(tmp_path)

"""A picture shows every entry and every way, and no name in it is more than a name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.model.entries.picture import Box, Fork, Shape, escaped, mermaid
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import Step
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.plan import Plan

LINE = re.compile(
    r"flowchart TD"
    r"|  n\d+(\(\[|\[|\{|\[/|\[\[)\"[^\"\[\]{}()|<>`&;#]*(#\d+;[^\"\[\]{}()|<>`&;#]*)*\"(\]\)|\]|\}|/\]|\]\])"
    r"|  n\d+ -->(\|\"[^\"|<>`&;#]*(#\d+;[^\"|<>`&;#]*)*\"\|)? n\d+"
    r"|  class(Def)? [\w,]+ .+"
    r"|"
)


def test_each_entry_is_a_box_and_each_case_a_way() -> None:
    switch = Switch({"region == 'eu'": ["vat", Wait("approved")], "true": []}, default=[Sleep("3d")])
    plan = Plan(name="order", itinerary=(Step("charge"), Step("gift", when="amount > 3"), switch, Step("ship")))

    assert plan.mermaid().splitlines() == [
        "flowchart TD",
        '  n0(["order"])',
        '  n1["charge"]',
        "  n0 --> n1",
        '  n2{"amount #62; 3"}',
        "  n1 --> n2",
        '  n3["gift"]',
        '  n2 -->|"true"| n3',
        '  n4{"switch"}',
        "  n3 --> n4",
        '  n2 -->|"false"| n4',
        '  n5["vat"]',
        '  n4 -->|"region #61;#61; #39;eu#39;"| n5',
        '  n6[/"wait approved"/]',
        "  n5 --> n6",
        '  n7[/"sleep 3d"/]',
        '  n4 -->|"else"| n7',
        '  n8["ship"]',
        "  n6 --> n8",
        '  n4 -->|"true"| n8',
        "  n7 --> n8",
        '  n9(["end"])',
        "  n8 --> n9",
    ]


@pytest.mark.parametrize("shape", Shape)
@given(name=st.text(min_size=1), label=st.text())
def test_whatever_a_name_holds_is_text(shape: Shape, name: str, label: str) -> None:
    text = mermaid((Fork(Box("first"), ((label, (Box(name, shape),)),)),))

    assert all(LINE.fullmatch(line) for line in text.splitlines())
    assert len(escaped(name)) <= 80 * 10

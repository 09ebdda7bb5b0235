"""A graph shows each box once and apart from all others, joined by arrows, and any text in it is no more than text."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from paigeant import Parallel, Switch, Wait, Workflow
from paigeant.app import Paigeant
from paigeant.model.entries.picture import Box, Fork, Picture, Shape
from paigeant.web.charts.graph import MOST, DrawnBox, Graph, graph_of

texts = st.text(max_size=60)
boxes = st.builds(Box, texts, st.sampled_from(Shape), state=st.sampled_from(["", "completed"]))
parts: st.SearchStrategy[Any] = st.recursive(
    boxes,
    lambda inner: st.builds(
        Fork, boxes, st.lists(st.tuples(texts, st.lists(inner, max_size=3).map(tuple)), min_size=1, max_size=3)
    ),
    max_leaves=12,
)
pictures = st.lists(parts, min_size=1, max_size=4).map(lambda each: (Box("begin"), *each, Box("end")))


def drawn(picture: Picture) -> Graph:
    graph = graph_of(picture)
    assert graph is not None
    return graph


def apart(one: DrawnBox, other: DrawnBox) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return beside or one.y + one.height <= other.y or other.y + other.height <= one.y


@given(pictures)
def test_no_box_covers_another_or_leaves_the_frame(picture: Picture) -> None:
    graph = drawn(picture)

    assert all(apart(one, other) for one, other in combinations(graph.boxes, 2))
    for box in graph.boxes:
        assert box.x >= 0 <= box.y
        assert box.x + box.width <= graph.width
        assert box.y + box.height <= graph.height


@given(pictures)
def test_an_arrow_goes_from_the_bottom_of_a_box_to_the_top_of_one_and_through_none(picture: Picture) -> None:
    graph = drawn(picture)
    middles = [(box, box.x + box.width / 2) for box in graph.boxes]

    for arrow in graph.arrows:
        (x, y), (to_x, to_y) = arrow.points[0], arrow.points[-1]
        assert any(abs(middle - x) < 0.2 and abs(box.y + box.height - y) < 0.2 for box, middle in middles)
        assert any(abs(middle - to_x) < 0.2 and abs(box.y - to_y) < 0.2 for box, middle in middles)
        for one, other in zip(arrow.points, arrow.points[1:], strict=False):
            assert one.x == other.x or one.y == other.y
            assert not any(crosses(box, one, other) for box in graph.boxes)


def crosses(box: DrawnBox, one: tuple[float, float], other: tuple[float, float]) -> bool:
    left, right = sorted((one[0], other[0]))
    top, bottom = sorted((one[1], other[1]))
    inside_x = left < box.x + box.width - 0.2 and right > box.x + 0.2
    return inside_x and top < box.y + box.height - 0.2 and bottom > box.y + 0.2


def test_what_follows_a_fork_follows_each_of_its_branches() -> None:
    entries = ["draft", Parallel(a=["left"], b=["right", "again"]), Switch({"x > 1": [Wait("paid")]}), "ship"]
    graph = drawn(Workflow("order", entries).plan.picture)

    assert [box.lines[0] for box in graph.boxes] == [
        *("order", "draft", "parallel", "left", "right", "again", "switch", "wait paid", "ship", "end")
    ]
    assert len(graph.arrows) == 11
    assert [arrow.label for arrow in graph.arrows if arrow.label] == ["a", "b", "x > 1", "else"]


def test_what_is_too_large_to_be_read_is_not_drawn() -> None:
    assert graph_of(tuple(Box(str(number)) for number in range(MOST))) is not None
    assert graph_of((Fork(Box("all"), tuple((str(number), (Box("one"),)) for number in range(MOST))),)) is None


async def test_a_run_and_a_workflow_are_drawn_with_states_in_words_and_links_to_their_steps(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    run = await paigeant.dispatch("failing", {"name": "Ann"})
    await run.result(20)
    html = {"accept": "text/html"}

    page = (await local.get(f"/runs/{run.workflow_id}", headers=html)).text
    image = await local.get(f"/api/v1/runs/{run.workflow_id}/graph", headers={"accept": "image/svg+xml"})
    workflow = (await local.get("/workflows/failing", headers=html)).text
    unknown = await local.get("/workflows/nosuch", headers=html)

    svg = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(image.text)
    assert [" ".join(each.itertext()) for each in root.iter(f"{svg}text")] == ["failing", "1. fails failed", "failed"]
    assert [link.get("href") for link in root.iter(f"{svg}a")] == [f"/runs/{run.workflow_id}#at-1"]
    assert "fails (failed)" in (root.findtext(f"{svg}desc") or "")
    assert f'href="/runs/{run.workflow_id}#at-1"' in page
    assert '<tr id="at-1">' in page
    assert 'href="/runs?workflow=failing&amp;step=fails"' in workflow
    assert (unknown.status_code, "no workflow" in unknown.text) == (404, True)

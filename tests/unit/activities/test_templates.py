"""A template puts values into a text, from JSON data only, and says what is wrong with it when it is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from paigeant.activities.templates import parse_template
from paigeant.errors import ArgumentError, RegistrationError

VALUES: dict[str, Any] = {
    "topic": "bees",
    "from": "ann@example.com",
    "length": 300,
    "ratio": 0.5,
    "none": None,
    "notes": {"facts": ["they fly", "they hum"], "by": {"name": "Ann"}, "2": "two", "first name": "x"},
    "my-step": "done",
    "größe": "XL",
}


def render(text: str, values: dict[str, Any] = VALUES) -> str:
    return parse_template(text, "handlers.py:7").render(values)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Write about {topic}.", "Write about bees."),
        ("{topic}{topic}", "beesbees"),
        ("{from} wrote from {my-step}, {größe}", "ann@example.com wrote from done, XL"),
        ("{length} words at {ratio}, {none}", "300 words at 0.5, null"),
        ("{notes.facts}", '["they fly","they hum"]'),
        ("{notes.facts.1} by {notes.by.name}", "they hum by Ann"),
        ("{notes.by}", '{"name":"Ann"}'),
        ("{notes.2}", "two"),
        ('{{"answer": {length}}}', '{"answer": 300}'),
        ("{{topic}}", "{topic}"),
        ("{{{topic}}}", "{bees}"),
        ("", ""),
        ("two\nlines", "two\nlines"),
    ],
)
def test_values_take_their_places_text_as_it_is_and_the_rest_as_json(template: str, text: str):
    assert render(template) == text


def test_what_is_put_in_is_not_read_again():
    assert render("{topic}", {"topic": "{secret} {{ {topic.0}"}) == "{secret} {{ {topic.0}"


@pytest.mark.parametrize("place", ["{topic.__class__}", "{notes.keys}", "{notes.facts.append}", "{length.real}"])
def test_nothing_of_python_is_reached(place: str):
    with pytest.raises(ArgumentError, match="is missing"):
        render(place)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{no}", "{no} is missing; there is: from, größe, length, my-step, none, notes, ratio, topic"),
        (
            "{notes.fact}",
            "{notes.fact} is missing: 'notes' has no 'fact'; it has: 2, by, facts, first name; did you mean 'facts'?",
        ),
        ("{notes.facts.2}", "{notes.facts.2} is missing: 'notes.facts' has no '2'; it is a list of 2"),
        ("{notes.facts.-1}", "{notes.facts.-1} is missing: 'notes.facts' has no '-1'; it is a list of 2"),
        (f"{{notes.facts.{'9' * 5000}}}", f"{{notes.facts.{'9' * 5000}}} is missing: 'notes.facts' has no "),
        ("{notes.by.name.x}", "{notes.by.name.x} is missing: 'notes.by.name' has no parts; it is \"Ann\""),
        ("{none.x}", "{none.x} is missing: 'none' has no parts; it is null"),
    ],
)
def test_what_is_missing_is_named_with_what_there_is(template: str, message: str):
    with pytest.raises(ArgumentError) as raised:
        render(template)

    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("{}", "'{}' at character 1"),
        ("a {0}", "'{0}' at character 3"),
        ("{topic!r}", "'{topic!r}'"),
        ("{topic:>10}", "'{topic:>10}'"),
        ("{items[0]}", "'{items[0]}'"),
        ("{a..b}", "'{a..b}'"),
        ("{a.}", "'{a.}'"),
        ("{ topic }", "'{ topic }'"),
        ('as {"a": 1}', "'{\"a\": 1}' at character 4"),
        ("{topic", "'{' at character 1"),
        ("topic}", "'}' at character 6"),
        ("{{topic}", "'}' at character 8"),
        ("{a{b}}", "'{' at character 1"),
    ],
)
def test_a_malformed_template_is_refused_with_its_place_and_the_cure(template: str, what: str):
    with pytest.raises(RegistrationError) as raised:
        parse_template(template, "handlers.py:7")

    assert str(raised.value).startswith(f"handlers.py:7: {what}")
    assert "write" in str(raised.value)


def test_it_knows_the_names_it_takes_each_once():
    assert parse_template("{b.x} {a} {b.y} {{c}}", "").names == ("b", "a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.text(), JSON)
def test_any_text_can_be_escaped_and_any_value_put_in(text: str, value: Any):
    escaped = text.replace("{", "{{").replace("}", "}}")

    shown = value if isinstance(value, str) else to_json(value).decode()
    assert render(f"{escaped}{{v}}{escaped}", {"v": value}) == f"{text}{shown}{text}"

"""A workflow in paigeant.yaml is the one that Python writes, or what is wrong is told with file, line and path."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paigeant.config import FILE, Settings, json_schema, load_settings
from paigeant.errors import ConfigError
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.kinds import WRITTEN
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import Step
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.retry import RetryPolicy
from paigeant.model.revision import RevisionPolicy
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.spending.budgets import Budget
from paigeant.model.spending.prices import Price

TRIP = """\
store: memory://
workflows:
  trip:
    revision: {allow: [vat], max_added: 2, forbid_drop: [ship]}
    steps:
      - search
      - activity: charge
        arguments: {amount: 12}
        retry: {max_attempts: 2}
        timeout: 1m
        when: search.found
        name: receipt
      - switch:
          region == 'eu': [vat, {sleep: 3d}]
          true:
            - wait: approved
              timeout: 1h
              on_timeout: continue
        default: [ship]
      - sleep: {until: appointment}
      - sleep: {until: 2030-01-31T09:00:00Z}
      - sleep: 90
  short: [search]
  nothing: {steps: [], budget: {usd: 0.50, on_exceed: ask}}
  pay: {steps: [charge], secrets: {card: charge, pin: [charge]}}
"""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    monkeypatch.chdir(tmp_path)

    def write_and_read(text: str) -> Settings:
        (tmp_path / FILE).write_text(text)
        return load_settings()

    return write_and_read


def test_every_kind_of_entry_can_be_written(read: Callable[[str], Settings]) -> None:
    plans = read(TRIP).plans

    cases: dict[str, list[str | Entry]] = {
        "region == 'eu'": ["vat", Sleep("3d")],
        "true": [Wait("approved", timeout="1h", on_timeout="continue")],  # pyright: ignore[reportArgumentType]
    }
    charge: Any = Step("charge", {"amount": 12}, RetryPolicy(max_attempts=2), "1m", when="search.found", name="receipt")  # pyright: ignore[reportArgumentType]
    assert plans["trip"].itinerary == (
        Step("search"),
        charge,
        Switch(cases, default=["ship"]),
        Sleep(until="appointment"),
        Sleep(until="2030-01-31T09:00:00+00:00"),
        Sleep(90),
    )
    assert plans["nothing"].budgets == (Budget(usd=0.5, on_exceed="ask"),)
    assert plans["pay"].secrets == SecretPolicy(readers={"card": ("charge",), "pin": ("charge",)})
    assert plans["trip"].revision == RevisionPolicy(("vat",), max_added=2, forbid_drop=("ship",))
    assert (plans["short"].itinerary, plans["nothing"].itinerary) == ((Step("search"),), ())


@pytest.mark.parametrize(
    ("there", "instead", "said"),
    [
        ("- search", "- 3", r":6: workflows\.trip\.steps\[0\]: it is 3; an entry is the name of an activity"),
        ("- search", "- a b", r":6: workflows\.trip\.steps\[0\]\.activity: it is 'a b': "),
        ("- search", "- {}", r":6: workflows\.trip\.steps\[0\]: it has nothing; an entry has exactly one"),
        ("- search", "- {stp: a}", r"it has stp; an entry has .*; did you mean 'activity'\?"),
        ("- search", "- {step: a, retry: 3}", r"it has step, retry; an entry has .*; did you mean 'activity'\?"),
        ("- search", "- {foreach: a, in: b, step: c}", r"it has foreach, in, step; .*; did you mean 'for_each'\?"),
        ("- search", "- {wait: a, sleep: 3}", r"steps\[0\]: it has wait, sleep; an entry has exactly one of"),
        ("timeout: 1m", "timeout: soon", r":10: workflows\.trip\.steps\[1\]\.timeout: it is 'soon': "),
        ("timeout: 1m", "timeuot: 1", r":10: .*steps\[1\]\.timeuot: .*; did you mean 'timeout'\?"),
        ("timeout: 1m", "interface: x", r":10: .*activity has no option 'interface'"),
        ("when: search.found", "when: search.", r":11: .*steps\[1\]\.when: the condition .* in column 8"),
        ("when: search.found", "when: true", r":11: .*steps\[1\]\.when: it is True: "),
        ("max_attempts: 2", "max_attempts: 0", r":9: .*steps\[1\]\.retry\.max_attempts: it is 0: "),
        ("region == 'eu':", "region = 3:", r":14: .*steps\[2\]\.switch\['region = 3'\]: the condition .* column"),
        ("sleep: 3d", "sleep: so", r""":14: .*steps\[2\]\.switch\["region == 'eu'"\]\[1\]\.sleep: it is 'so': """),
        ("[vat, {sleep: 3d}]", "vat", r":14: .*: it is 'vat'; it should be a list of entries"),
        ("default: [", "defualt: [", r":19: .*\.defualt: switch has no option 'defualt'; did you mean 'default'"),
        ("timeout: continue", "timeout: 3", r":18: .*switch\.true\[0\]\.on_timeout: it is 3: "),
        ("{until: appointment}", "{till: x}", r":20: .*steps\[3\]\.sleep: a sleep is a duration"),
        ("{until: appointment}", "{until: 2030-01-31}", r":20: .*steps\[3\]\.sleep\.until: it is 2030-01-31; a time"),
        ("sleep: 90", "sleep: -1", r":22: .*steps\[5\]\.sleep: it is -1: "),
        ("    steps:", "    stpes:", r":5: .*trip\.stpes: a workflow has no option 'stpes'; did you mean 'steps'"),
        ("{allow: [vat],", "{max: 3,", r":4: .*trip\.revision\.max: a policy has no option 'max'"),
        ("usd: 0.50", "usd: -1", r":24: .*nothing\.budget\.usd: it is -1: input should be greater than 0"),
        ("usd: 0.50, ", "", r":24: .*nothing\.budget: it is \{.*\}: it says nothing: give usd"),
        ("card: charge", "card: charg", r":25: .*pay\.secrets: 'charg', which may read 'card', is no activity of its"),
        ("card: charge", "payload: charge", r":25: .*pay\.secrets: 'payload' is a whole value: name fields"),
        ("[charge]}}", "[]}}", r":25: .*pay\.secrets\.pin: it is \(\): |:25: .*pay\.secrets\.pin: it is \[\]: "),
        (
            "[charge], sec",
            "[{activity: charge, when: card > 3}], sec",
            r":25: .*'charge': the condition .* names 'card'",
        ),
        ("max_added: 2", "max_added: x", r":4: .*trip\.revision\.max_added: it is 'x': "),
        ("short: [search]", "short: search", r":23: workflows\.short: it is 'search'; it should be a list of entries"),
        ("short: [search]", "short: {revision: {}}", r":23: workflows\.short: steps are missing"),
        ("short: [search]", "trip: [search]", r":23: no valid YAML: the key 'trip' stands twice"),
        ("short: [search]", "short: &a [search, {switch: {x: *a}}]", r"it nests without end|nested"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_path(
    there: str, instead: str, said: str, read: Callable[[str], Settings], tmp_path: Path
) -> None:
    assert there in TRIP

    with pytest.raises(ConfigError, match=said) as refused:
        read(TRIP.replace(there, instead, 1))

    assert str(refused.value).startswith(str(tmp_path / FILE))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{parallel: 3}", r"trip\[1\]\.parallel: it is 3; its branches are a list, or lists by name"),
        ("{parallel: []}", r"trip\[1\]\.parallel: .*it has no branch"),
        ("{parallel: {a: [x], b: 3}}", r"trip\[1\]\.parallel\.b\[0\]: it is 3; an entry is"),
        ("{parallel: [x, x]}", r"trip\[1\]\.parallel: .*two branches are called 'x'"),
        ("{parallel: [a, b, c], join: 4}", r"trip\[1\]\.parallel: .*join is 4, and it has 3 branches"),
        ("{parallel: [a, b], join: any, on_fault: skip}", r"trip\[1\]\.parallel: .*on_fault is for join='all' only"),
        ("{for_each: row}", r"trip\[1\]\.for_each: it does not say 'in'"),
        ("{for_each: row, in: rows}", r"trip\[1\]\.for_each: it does not say 'step'"),
        ("{for_each: row, in: rows, steps: [a]}", r"trip\[1\]\.steps: .*no option 'steps'; did you mean 'step'"),
        ("{for_each: row, in: rows, step: [{sleep: x}]}", r"trip\[1\].*step\[0\]\.sleep: it is 'x'"),
        ("{workflow: a b}", r"trip\[1\]\.workflow: .*workflow is 'a b'"),
        ("{workflow: other, inptu: a}", r"trip\[1\]\.inptu: .*did you mean 'input'"),
        ("{wait: a b}", r"trip\[1\]\.wait: it is 'a b'"),
        ("{wait: a, timeout: soon}", r"trip\[1\]\.timeout: it is 'soon'"),
    ],
)
def test_each_kind_says_what_is_wrong_with_it(read: Callable[[str], Settings], entry: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf":4: workflows\.{said}"):
        read(f"workflows:\n  trip:\n  - search\n  - {entry}\n")


def test_aliases_do_not_multiply_a_workflow_beyond_what_a_run_may_have(read: Callable[[str], Settings]) -> None:
    levels = [f"  w{n}: [{', '.join([f'{{switch: {{x: *a{n - 1}}}}}'] * 50)}]" for n in range(1, 4)]
    text = "workflows:\n  w0: &a0 [search]\n" + "\n".join(
        level.replace(": [", f": &a{n} [", 1) for n, level in enumerate(levels, 1)
    )

    with pytest.raises(ConfigError, match="a workflow has at most 2,000 entries"):
        read(text)


names = st.sampled_from(["search", "ship", "a b", "", "paigeant.flow"])
durations = st.sampled_from([3, -1, "3d", "soon", None, 1e300, True])
conditions = st.sampled_from(["amount > 3", "amount >", True, "x" * 1001, "has(a.b)"])
options: dict[str, st.SearchStrategy[Any]] = {
    "timeout": durations,
    "when": conditions,
    "name": names,
    "default": st.lists(names, max_size=2),
    "on_timeout": st.sampled_from(["fault", "continue", "x"]),
    "arguments": st.sampled_from([{}, {"a": 1}, [], None]),
}
mains: dict[str, st.SearchStrategy[Any]] = {
    "activity": names,
    "wait": names,
    "sleep": durations | st.fixed_dictionaries({"until": names | durations}),
    "workflow": names,
}
entries: st.SearchStrategy[Any] = st.recursive(
    names | st.integers(),
    lambda inner: st.one_of(
        *[
            st.builds(
                lambda key, main, more: {key: main, **more},
                st.just(key),
                main,
                st.dictionaries(st.sampled_from(sorted(options)), st.none(), max_size=2).flatmap(
                    lambda chosen: st.fixed_dictionaries({name: options[name] for name in chosen})
                ),
            )
            for key, main in {
                **mains,
                "switch": st.dictionaries(conditions, st.lists(inner, max_size=2), max_size=2),
            }.items()
        ],
        st.lists(inner, max_size=2),
    ),
    max_leaves=6,
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(workflow=st.lists(entries, max_size=3) | st.fixed_dictionaries({"steps": st.lists(entries, max_size=3)}))
def test_whatever_stands_there_is_a_workflow_or_refused_in_its_line(
    workflow: Any, read: Callable[[str], Settings]
) -> None:
    text = yaml.safe_dump({"workflows": {"w": workflow}})
    said = None
    try:
        plan = read(text).plans["w"]
    except ConfigError as error:
        said = str(error)
    else:
        assert len(plan.itinerary) == len(workflow["steps"] if isinstance(workflow, dict) else workflow)
    assert said is None or re.search(rf"{FILE}:\d+: workflows\.w.*: ", said, re.DOTALL)


def test_the_schema_for_editors_has_every_setting_and_every_kind_of_entry() -> None:
    schema = json_schema()

    assert set(schema["properties"]) == {name for name, field in Settings.model_fields.items() if not field.exclude}
    _, written = schema["properties"]["workflows"]["additionalProperties"]["anyOf"]
    assert set(written["properties"]) == {"steps", "revision", "budget", "identity", "secrets"}
    _, *kinds = schema["$defs"]["entry"]["anyOf"]
    assert [kind["required"] for kind in kinds] == [[key] for key in WRITTEN]
    assert all(key in kind.schema for key, kind in WRITTEN.items())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets: [{usd: 1, on_excede: ask}]", r":1: budgets\[0\]\.on_excede: .*; did you mean 'on_exceed'\?"),
        ("workflows: {a: {steps: [b], budget: {us: 1}}}", r":1: workflows\.a\.budget\.us: .*; did you mean 'usd'\?"),
        ("prices: {gpt-5: {input: 1, ouput: 2}}", r":1: prices\.gpt-5\.ouput: .*; did you mean 'output'\?"),
        ("prices: {gpt-5: {input: 1, output: -2}}", r":1: prices\.gpt-5\.output: it is -2; it should be US dollars"),
        ("prices: {gpt-5: {input: 1}}", r":1: prices\.gpt-5: output is missing; it should be US dollars"),
        ("prices: {gpt-5: 3}", r":1: prices\.gpt-5: it is 3; it should be US dollars"),
        ("prices: {5: {input: 1, output: 2}}", r"a model is named by a text"),
        ("workflows: {1: [b]}", r"workflows\[1\]: the name 1 is no text: write it in quotes"),
        ("workflows: {on: [b]}", r"workflows\[True\]: the name True is no text: write it in quotes"),
    ],
)
def test_a_name_that_is_none_is_said_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paigeant.yaml").write_text(text)

    with pytest.raises(ConfigError, match=said):
        load_settings()


def test_one_budget_need_not_be_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paigeant.yaml").write_text("budgets: {usd: 1}")

    assert load_settings().budgets == (Budget(usd=1),)


def test_prices_are_those_of_models_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    text = "prices: {gpt-5: {input: 1.25, output: 10}, 'openai:gpt-5-mini': {input: 0.25, output: 2, cached: 0.025}}"
    (tmp_path / "paigeant.yaml").write_text(text)

    prices = load_settings().prices

    assert prices == {"gpt-5": Price(1.25, 10), "openai:gpt-5-mini": Price(0.25, 2, 0.025)}
    assert Settings(prices=prices).prices == prices

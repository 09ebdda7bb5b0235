"""Whatever a client sends to whichever address of the description, the answer is none that blames the server.

As schemathesis does it, with the description that the server gives of itself.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paigeant.app import Paigeant

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["0", "-1", "1", "9" * 30, "true", "failed", "greet", "hello", "1h", "null", "NaN", "\x00", "%00", "é"]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
NAMES = ("workflow", "input", "deadline", "tenant", "compensate", "accept_contract", "afresh", "name", "payload", "id",
         "verb", "where", "limit", "dry_run", "ids", "edit", "reason", "value", "from", "outputs")  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4) | VALUES


def operations(description: dict[str, Any]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return the method, the path and the parameters of each operation."""
    return [
        (method.upper(), path, said.get("parameters", []))
        for path, methods in description["paths"].items()
        for method, said in methods.items()
    ]


async def send(
    client: httpx2.AsyncClient, data: st.DataObject, description: dict[str, Any], known: str
) -> httpx2.Response:
    method, path, parameters = data.draw(st.sampled_from(operations(description)))
    query, headers = dict[str, str](), dict[str, str]()
    for parameter in parameters:
        name, place = parameter["name"], parameter["in"]
        if place == "path":
            text = data.draw(
                st.sampled_from([known, known[:8]]) | TEXTS.filter(lambda each: each not in {"", ".", ".."})
            )
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        elif data.draw(st.booleans()):
            text = data.draw(TEXTS)
            if place == "query":
                query[name] = text
            else:
                headers[name] = quote(text)
    if method == "GET":
        return await client.get(path, params=query, headers=headers)
    body = json.dumps(data.draw(BODIES)).encode()
    return await client.post(path, params=query, content=body, headers={**headers, "content-type": "application/json"})


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
async def test_no_request_is_an_error_of_the_server(local: httpx2.AsyncClient, paigeant: Paigeant, data: st.DataObject):
    description = (await local.get("/api/v1/openapi.json")).json()
    run = await paigeant.dispatch("hello", {"name": "Joe"})

    answer = await send(local, data, description, str(run.workflow_id))

    assert answer.status_code < 500, (answer.request.url, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.json()["code"]


async def test_a_wrong_method_is_told_which_are_right(local: httpx2.AsyncClient):
    answer = await local.request("TRACE", "/api/v1/runs")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.json()["code"] == "MethodNotAllowed"


async def test_each_operation_says_which_problems_it_may_answer_with(local: httpx2.AsyncClient):
    described = (await local.get("/api/v1/openapi.json")).json()

    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            problems = {status for status, said in operation["responses"].items() if status[0] in "45"}
            assert {"401", "403", "404", "422", "503"} <= problems, (method, path)
            assert all("application/problem+json" in operation["responses"][status]["content"] for status in problems)

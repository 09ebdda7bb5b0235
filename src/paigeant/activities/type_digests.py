"""Digests of types: equal for types of the same structure, whatever their names and order.

Types form a graph, since a type may refer to itself. Its nodes are coloured by their kind, then by the colours around
them, until no further nodes can be told apart: nodes of one colour have the same structure. Each round is linear in the
number of types, and few rounds are needed; paths are never enumerated.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from paigeant.activities.type_nodes import Node, node_of, plain

Edges = dict[int, list[tuple[str, int]]]

_STRINGS: Final = {
    **dict.fromkeys(("str", "Decimal", "bytes", "Path", "PurePath", "SecretStr"), "string"),
    "datetime": "string:date-time",
    "date": "string:date",
    "time": "string:time",
    "timedelta": "string:duration",
    "UUID": "string:uuid",
}
_JSON_KINDS: Final = _STRINGS | {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "set": "array",
    "tuple": "array",
}


def needed_digest(annotation: Any) -> str:
    """Return the digest of the constraints of a value; optional fields are ignored at any depth."""
    nodes, edges = _graph(annotation)
    colours = {number: _hash(node.kind) for number, node in nodes.items()}
    count = 0
    while count < (count := len(set(colours.values()))):
        colours = _recoloured(nodes, edges, colours)
    colours = _recoloured(nodes, edges, colours)
    return _hash(colours[0], *sorted(set(colours.values())))[:6]


def kind_digest(annotation: Any) -> str:
    """Return the digest of a value's kind of JSON, without fields of objects and nesting deeper than 3."""
    return _hash(_kind(annotation, 3))[:6]


def result_fields(annotation: Any) -> dict[str, Any]:
    """Return the top-level fields of a result, with their annotations; none if it is not an object with fields."""
    node = node_of(plain(annotation))
    return {field.name: field.annotation for field in node.fields} if node.kind.startswith("object") else {}


def _graph(annotation: Any) -> tuple[dict[int, Node], Edges]:
    """Return all reachable types, numbered from 0, the given type; each is visited once."""
    numbers: dict[Any, int] = {}
    nodes: dict[int, Node] = {}
    edges: Edges = {}
    waiting: list[Any] = []

    def number_of(each: Any) -> int:
        made = plain(each)
        key = _key(made)
        if key not in numbers:
            numbers[key] = len(numbers)
            waiting.append(made)
        return numbers[key]

    number_of(annotation)
    for number, made in enumerate(waiting):  # the list grows during the loop
        nodes[number] = node = node_of(made)
        edges[number] = [(field.name, number_of(field.annotation)) for field in node.fields if field.required]
    return nodes, edges


def _key(annotation: Any) -> Any:
    try:
        hash(annotation)
    except TypeError:
        return id(annotation)
    return type(annotation), annotation


def _recoloured(nodes: dict[int, Node], edges: Edges, colours: dict[int, str]) -> dict[int, str]:
    made: dict[int, str] = {}
    for number, node in nodes.items():
        around = [f"{name}={colours[child]}" for name, child in edges[number]]
        made[number] = _hash(node.kind, *(around if node.ordered else sorted(set(around))))
    return made


def _kind(annotation: Any, depth: int) -> str:
    if depth == 0:
        return ""
    node = node_of(plain(annotation))
    name = node.kind.partition(";")[0].rstrip("!+")
    if name == "union":
        return "|".join(sorted({_kind(field.annotation, depth - 1) for field in node.fields}))
    kind = _JSON_KINDS.get(name, "object" if name == "map" else name)
    inner = _kind(node.fields[0].annotation, depth - 1) if name in {"array", "set"} else ""
    return f"{kind}[{inner}]"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()[:24]

"""Nothing that comes from outside provokes another error than its contract names, or comes out as another thing."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from paigeant.model.limits import BODY_BYTES
from paigeant.model.message import PaigeantMessage
from paigeant.security.frame import FRAME_BYTES
from paigeant.security.plain import PlainCodec
from paigeant.testing.codecs import json_values, messages
from tests.fuzz.targets import TARGETS, frame, message_body, payload

SEEDS = Path(__file__).parent / "seeds"
FILES = sorted(SEEDS.glob("*/*"))
PIECES = [
    b"\xff",
    b"\xed\xa0\x80",
    b"\0",
    b"\n",
    b"\xef\xbb\xbf",
    b"9" * 5000,
    b"[" * 3000,
    b"1e999",
    b"NaN",
    b"-0",
    b"\\ud800",
]
PIECES += [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"~nobody",
    b"%00",
    b"@",
    b"//",
    b"?",
    b"=",
    b"&",
    b"!!int ",
    b" ",
    b"\\",
]


@st.composite
def spoilt(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A sound one in which a few bytes were taken out, doubled, or replaced by something that was trouble before."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        middle = draw(st.sampled_from([b"", data[start:end] * 2, *PIECES]) | st.binary(max_size=4))
        data = data[:start] + middle + data[end:]
    return data


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_was_found_once_is_not_found_again(file: Path):
    TARGETS[file.parent.name](file.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_taken_as_it_is_or_refused_with_a_word(name: str):
    target = TARGETS[name]
    seeds = [file.read_bytes() for file in FILES if file.parent.name == name]

    @settings(max_examples=60, deadline=None)
    @given(
        spoilt(seeds) | st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace"))
    )
    def hold(data: bytes) -> None:
        target(data)

    hold()


def canonical(body: bytes) -> bytes:
    return b'{"v":2}\n' + body


def spaced(body: bytes) -> bytes:
    return b'{"v": 2}\n' + body


def returned(body: bytes) -> bytes:
    return b'{"v":2}\r\n' + body


def quoted(body: bytes) -> bytes:
    return json.dumps({"v": 1, "b": body.decode("utf-8", "replace")}).encode()


def signed(body: bytes) -> bytes:
    return canonical(body) + b"\n{}\nsignature"


def ended(body: bytes) -> bytes:
    return canonical(body) + b"\n"


WRITTEN = [canonical, spaced, returned, quoted, signed, ended]


@settings(deadline=None)
@given(st.binary(), st.sampled_from(WRITTEN))
@example(b"\x00\x1f\x7f\xe2\x80\xa8", canonical)
@example(b"\n", canonical)
@example(b"\r", canonical)
def test_a_frame_is_read_alike_however_it_is_written(body: bytes, write: Callable[[bytes], bytes]):
    frame(write(body))


@pytest.mark.parametrize("body", [b"x" * BODY_BYTES, b"x" * (BODY_BYTES + 1), b'"' * BODY_BYTES])
@pytest.mark.parametrize("write", [canonical, signed])
def test_a_frame_at_the_limit_is_read_alike_however_it_is_written(body: bytes, write: Callable[[bytes], bytes]):
    frame(write(body))
    frame(write(body).ljust(FRAME_BYTES))
    frame(write(body).ljust(FRAME_BYTES + 1))


@settings(max_examples=50, deadline=None)
@given(messages(), json_values, st.randoms(use_true_random=False))
def test_a_message_in_which_a_value_was_replaced_is_read_as_it_says(
    message: PaigeantMessage, value: JsonValue, dice: random.Random
):
    body = json.loads(PlainCodec().seal(message).body.partition(b"\n")[2])
    inner = body
    while isinstance(inner[key := dice.choice(list(inner))], dict) and inner[key] and dice.random() < 0.8:
        inner = inner[key]
    inner[key] = value

    message_body(json.dumps(body).encode())


@settings(max_examples=50, deadline=None)
@given(json_values, st.sampled_from([{}, {"indent": 2}, {"ensure_ascii": False}]))
def test_input_is_what_the_standard_library_reads(value: JsonValue, style: dict[str, Any]):
    payload(json.dumps(value, **style).encode())

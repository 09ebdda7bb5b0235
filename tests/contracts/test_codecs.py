"""Every codec keeps every guarantee of its contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from paigeant.abc import Codec
from paigeant.errors import MessageRejected
from paigeant.model.limits import BODY_BYTES, STEPS
from paigeant.security.plain import PlainCodec
from paigeant.testing.builders import new_message
from paigeant.testing.codecs import CodecContract


class TestPlainCodec(CodecContract):
    def new_codec(self) -> Codec:
        return PlainCodec()

    def test_a_frame_holds_a_version_and_the_body_as_text(self) -> None:
        frame = json.loads(PlainCodec().seal(new_message("draft")).body)

        assert frame.keys() == {"v", "b"}
        assert frame["v"] == 1
        assert json.loads(frame["b"])["headers"]["spec_version"] == 1

    def test_a_message_is_small(self) -> None:
        assert len(PlainCodec().seal(new_message("draft", "review", payload={"topic": "bees"})).body) < 800

    def test_a_newer_spec_version_is_rejected_by_name(self) -> None:
        def make_newer(body: dict[str, Any]) -> None:
            body["headers"]["spec_version"] = 2
            body["unheard_of"] = True

        with pytest.raises(MessageRejected, match="spec_version 2"):
            PlainCodec().open(changed(make_newer))

    @pytest.mark.parametrize(
        ("frame", "text"),
        [
            (b'{"v":2,"b":"{}"}', "version 2"),
            (b'{"v":1,"v":1,"b":"{}"}', "twice"),
            (b'{"v":true,"b":"{}"}', "no frame"),
            (b'{"v":1.0,"b":"{}"}', "no frame"),
            (b'{"v":1,"b":{}}', "deeper"),
            (b'{"v":1,"b":"{}","x":1}', "frame"),
            (b'{"v":1}', "frame"),
            (b"[]", "frame"),
            (b'\xff{"v":1,"b":"{}"}', "utf-8"),
            (b'{"v":1,"b":"' + b"x" * (BODY_BYTES + 1) + b'"}', "more than"),
            (b'{"v":1,"b":"' + b"x" * (3 * BODY_BYTES) + b'"}', "more than"),
            (b'{"v":1,"b":"\\ud800"}', "surrogates"),
        ],
    )
    def test_another_frame_is_rejected_for_what_is_wrong_with_it(self, frame: bytes, text: str) -> None:
        with pytest.raises(MessageRejected, match=text):
            PlainCodec().open(frame)

    def test_a_key_that_appears_twice_is_rejected_in_the_body_too(self) -> None:
        frame = json.loads(PlainCodec().seal(new_message("draft")).body)
        frame["b"] = frame["b"].replace('"workflow":', '"workflow":"other","workflow":')

        with pytest.raises(MessageRejected, match="twice"):
            PlainCodec().open(json.dumps(frame).encode())

    def test_too_many_steps_are_rejected_before_they_are_made(self) -> None:
        def repeat(body: dict[str, Any]) -> None:
            body["routing_slip"]["itinerary"] *= STEPS + 1

        with pytest.raises(MessageRejected, match=f"{STEPS + 1} steps"):
            PlainCodec().open(changed(repeat))

    def test_an_unknown_field_is_rejected(self) -> None:
        def add(body: dict[str, Any]) -> None:
            body["headers"]["priority"] = 1

        with pytest.raises(MessageRejected, match="priority"):
            PlainCodec().open(changed(add))

    def test_what_is_wrong_is_said_in_one_line_and_without_what_was_there(self) -> None:
        def spoil(body: dict[str, Any]) -> None:
            body["headers"]["trace_id"] = {"password": "hunter2"}

        with pytest.raises(MessageRejected) as rejected:
            PlainCodec().open(changed(spoil))

        assert str(rejected.value).startswith("not a message of ours: headers.trace_id: ")
        assert "hunter2" not in str(rejected.value)
        assert len(str(rejected.value).splitlines()) == 1

    def test_a_number_that_is_none_is_rejected(self) -> None:
        def spoil(body: dict[str, Any]) -> None:
            body["payload"]["input"]["value"] = float("nan")

        with pytest.raises(MessageRejected, match="NaN"):
            PlainCodec().open(changed(spoil))


def changed(change: Any) -> bytes:
    frame = json.loads(PlainCodec().seal(new_message("draft")).body)
    body = json.loads(frame["b"])
    change(body)
    frame["b"] = json.dumps(body)
    return json.dumps(frame).encode()

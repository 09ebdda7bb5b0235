"""Every codec keeps every guarantee of its contract."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from paigeant.abc import Codec
from paigeant.errors import MessageRejected
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import Step
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.limits import BODY_BYTES, STEPS
from paigeant.security.plain import PlainCodec
from paigeant.security.signed import SignedCodec
from paigeant.testing.builders import new_message
from paigeant.testing.codecs import CodecContract


class TestSignedCodec(CodecContract):
    def new_codec(self) -> Codec:
        return SignedCodec()


class TestPlainCodec(CodecContract):
    def new_codec(self) -> Codec:
        return PlainCodec()

    def test_a_frame_is_a_line_with_its_version_and_a_line_of_json(self) -> None:
        first, body = PlainCodec().seal(new_message("draft")).body.split(b"\n")

        assert json.loads(first) == {"v": 2}
        assert json.loads(body)["headers"]["spec_version"] == 2

    @pytest.mark.parametrize(
        "entry", [Step("a", when="x"), Step("a", name="b"), Switch({"x": []}), Wait("ok"), Sleep(until="day")]
    )
    def test_only_a_message_ahead_of_which_are_newer_entries_needs_a_newer_worker(self, entry: Entry) -> None:
        message = new_message("draft", entry, "print")
        behind = message.routing_slip.mark_complete(1).mark_complete(2)

        for slip, version in ((message.routing_slip, 3), (behind, 2)):
            body = PlainCodec().seal(replace(message, routing_slip=slip)).body.split(b"\n")[1]

            assert json.loads(body)["headers"]["spec_version"] == version

    def test_a_message_is_small(self) -> None:
        assert len(PlainCodec().seal(new_message("draft", "review", payload={"topic": "bees"})).body) < 800

    @pytest.mark.parametrize("version", [1, 4])
    def test_another_spec_version_is_rejected_by_name(self, version: int) -> None:
        def change(body: dict[str, Any]) -> None:
            body["headers"]["spec_version"] = version
            body["unheard_of"] = True

        with pytest.raises(MessageRejected, match=f"spec_version {version}"):
            PlainCodec().open(changed(change))

    @pytest.mark.parametrize("version", [True, 2.0, "2"])
    def test_a_spec_version_that_is_no_number_is_rejected(self, version: Any) -> None:
        def change(body: dict[str, Any]) -> None:
            body["headers"]["spec_version"] = version

        with pytest.raises(MessageRejected, match="spec_version"):
            PlainCodec().open(changed(change))

    @pytest.mark.parametrize(
        ("frame", "text"),
        [
            (b'{"v":3}\n{}', "version 3"),
            (b'{"v":2,"v":2}\n{}', "no frame"),
            (b'{"v":true}\n{}', "no frame"),
            (b'{"v":2.0}\n{}', "no frame"),
            (b'{"v":1,"b":"{}"}', "no frame"),
            (b'{"v":2}', "no frame"),
            (b"[]", "no frame"),
            (b'\xff{"v":2}\n{}', "no frame"),
            (b'{"v":2}\n{}\n', "record"),
            (b'{"v":2}\n{}\n{"n":1}\nabc..def', "record"),
            (b'{"v":2}\n"\xff"', "UTF-8|unicode|utf-8"),
            (b'{"v":2}\n' + b"x" * (BODY_BYTES + 1), "more than"),
            (b'{"v":2}\n' + b"x" * (3 * BODY_BYTES), "more than"),
        ],
    )
    def test_another_frame_is_rejected_for_what_is_wrong_with_it(self, frame: bytes, text: str) -> None:
        with pytest.raises(MessageRejected, match=text):
            PlainCodec().open(frame)

    def test_a_key_that_appears_twice_is_rejected_in_the_body_too(self) -> None:
        frame = PlainCodec().seal(new_message("draft")).body

        with pytest.raises(MessageRejected, match="twice"):
            PlainCodec().open(frame.replace(b'"workflow":', b'"workflow":"other","workflow":'))

    def test_a_message_id_of_another_hop_is_rejected(self) -> None:
        def change(body: dict[str, Any]) -> None:
            body["headers"]["message_id"] = "another"

        with pytest.raises(MessageRejected, match="message_id"):
            PlainCodec().open(changed(change))

    def test_an_entry_brings_no_identity_of_its_own(self) -> None:
        def change(body: dict[str, Any]) -> None:
            body["routing_slip"]["itinerary"][0]["id"] = "01890a5d-ac96-774b-bcce-b302099a8057"

        with pytest.raises(MessageRejected, match="id"):
            PlainCodec().open(changed(change))

    @pytest.mark.parametrize(
        "ref",
        [
            {"plan": "5f" * 31, "offset": 0},
            {"plan": "5F" * 32, "offset": 0},
            {"plan": "5f" * 32, "offset": -1},
            {"plan": "5f" * 32, "offset": STEPS},
            {"plan": "5f" * 32, "offset": True},
            {"plan": "5f" * 32},
            {"plan": "5f" * 32, "offset": 0, "size": 1},
        ],
    )
    def test_what_names_no_place_in_a_plan_is_rejected(self, ref: dict[str, Any]) -> None:
        def change(body: dict[str, Any]) -> None:
            body["routing_slip"]["itinerary"] = ref

        with pytest.raises(MessageRejected, match="itinerary"):
            PlainCodec().open(changed(change))

    def test_too_many_steps_are_rejected_before_they_are_made(self) -> None:
        def repeat(body: dict[str, Any]) -> None:
            body["routing_slip"]["itinerary"] *= STEPS + 1

        with pytest.raises(MessageRejected, match=f"{STEPS + 1} entries"):
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
    first, text = PlainCodec().seal(new_message("draft")).body.split(b"\n")
    body = json.loads(text)
    change(body)
    return first + b"\n" + json.dumps(body).encode()

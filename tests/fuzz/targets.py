"""All that reads what came from outside, each as a function of bytes that fails if anything but its word comes out.

What is refused must be refused with the error that the contract names; what is accepted must come out again as it went
in. A text is made of bytes as the command line and the environment make it: what is no UTF-8 becomes a lone surrogate.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import typer
from pydantic_core import from_json, to_json

from paigeant import ActivityRegistry
from paigeant.activities.binding import Sources, bind
from paigeant.activities.templates import Place, parse_template
from paigeant.cli.terminal.durations import duration
from paigeant.cli.terminal.payload import read_input, read_lines, read_value
from paigeant.config import FILE, Settings, load_settings
from paigeant.errors import ArgumentError, ConfigError, InvalidInput, MessageRejected, RegistrationError
from paigeant.model.entries.kinds import read_entry
from paigeant.model.limits import DEPTH
from paigeant.model.message import HopKey
from paigeant.model.stored.dead_letters import Flaw, LetterPage, RejectedMessage
from paigeant.model.stored.pages import read_place
from paigeant.model.values.nesting import nesting
from paigeant.model.values.values import Inline
from paigeant.routing.cel import Unevaluable, read_condition
from paigeant.security.frame import read_frame, write_frame
from paigeant.security.plain import PlainCodec
from paigeant.sql.postgres.database import dialect_url
from paigeant.sql.sqlite.address import path_of
from paigeant.stores.memory import MemoryStore
from paigeant.transports.memory import MemoryTransport
from paigeant.transports.redis.address import RedisAddress
from tests.fuzz.custody import key_set, voucher
from tests.fuzz.oracle import frame_body, frame_lines, same, strict
from tests.fuzz.signed import record, sealed, signature, token_answer

CODEC: Final = PlainCodec()
FOLDER: Final = tempfile.TemporaryDirectory(prefix="paigeant-fuzz-")
HOME: Final = Path(FOLDER.name)
REGISTRY: Final = ActivityRegistry()


@REGISTRY.execute()
def taken(text: str, number: int = 0, ratio: float = 0.0, parts: list[dict[str, int]] | None = None) -> None:
    """Take one of each kind."""


def frame(data: bytes) -> None:
    """A frame is read as a plain reader reads it, or refused by both."""
    expected = frame_lines(data)
    try:
        read = read_frame(data)
    except ValueError:
        assert expected is None, "refused, and a plain reader takes it"
        return
    assert [line for line in read if line is not None] == expected, "other lines than a plain reader's"
    assert write_frame(read.body, read.record, read.jws or b"") == data, "not what would be written of it"


def message(data: bytes) -> None:
    """A message is rejected, or says what its JSON says; sealed, it is a fixed point."""
    try:
        opened = CODEC.open(data).message
    except MessageRejected as error:
        str(error).encode()
        return
    body = frame_body(data)
    assert body is not None, "opened, and is no frame"
    payload = strict(body)["payload"]
    if "value" in payload["input"]:
        assert isinstance(opened.payload.input, Inline)
        assert same(opened.payload.input.value, payload["input"]["value"])
    assert HopKey.of(opened.headers.message_id) == opened.key
    with suppress(InvalidInput):  # a number may be longer as we write it, and the limit near
        sealed = CODEC.seal(opened)
        assert CODEC.open(sealed.body).message == opened
        assert CODEC.seal(CODEC.open(sealed.body).message) == sealed


def message_body(data: bytes) -> None:
    """The same of a body, in a frame that is sound."""
    message(write_frame(data.replace(b"\n", b" ")))


def hop_key(data: bytes) -> None:
    """A message's id leads to a hop that has this id, or nowhere."""
    text = as_text(data)
    key = HopKey.of(text)
    assert key is None or key.message_id == text


def template(data: bytes) -> None:
    """A prompt is refused when it is registered, or renders; what is missing is said."""
    text, _, values = as_text(data).partition("\0")
    try:
        parsed = parse_template(text, "handlers.py:1")
    except RegistrationError:
        return
    written = (
        str(part) if isinstance(part, Place) else part.translate({123: "{{", 125: "}}"}) for part in parsed.parts
    )
    assert "".join(written) == text, "it is not what was written"
    with suppress(ArgumentError):
        parsed.render(_object(values))


def store_url(data: bytes) -> None:
    """A store's URL is refused, by the settings or by its backend, before anything is opened."""
    url = as_text(data)
    with suppress(ConfigError):
        path_of(url)
    with suppress(ConfigError):
        dialect_url(url)
    _settings(store=url)


def transport_url(data: bytes) -> None:
    """So is a transport's."""
    url = as_text(data)
    for transport in (MemoryTransport, RedisAddress):
        with suppress(ConfigError):
            transport(url)
    _settings(transport=url)


def settings(data: bytes) -> None:
    """What stands in paigeant.yaml is refused in one line or two, or makes settings that can be shown."""
    folder = HOME / "settings"
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(data)
    loaded = _loaded(folder)
    if isinstance(loaded, ConfigError):
        assert len(str(loaded).splitlines()) <= 2, "an error of many lines"
        return
    assert Settings(**{key: value for key, value in loaded.model_dump().items() if value is not None})
    json.dumps(loaded.redacted())
    assert loaded.plans.keys() == loaded.workflows.keys()


def workflow(data: bytes) -> None:
    """The steps of a workflow are refused in the line of the workflow, or are entries that travel as they are."""
    folder = HOME / "workflow"
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(b"workflows:\n w:\n" + b"".join(b"  %b\n" % line for line in data.splitlines()))
    loaded = _loaded(folder)
    if isinstance(loaded, ConfigError):
        assert len(str(loaded).splitlines()) <= 2, "an error of many lines"
        return
    for plan in loaded.plans.values():
        for entry in plan.itinerary:
            assert read_entry(from_json(entry.text)) == entry


def condition(data: bytes) -> None:
    """A condition is refused with its text, or comes to true or false, or cannot be evaluated and says why."""
    text = as_text(data)
    try:
        read = read_condition(text)
    except ValueError as error:
        str(error).encode()
        return
    values: dict[str, Any] = {"a": 1, "b": "x", "c": [1, 2], "d": {"e": None}, "f": 1.5, "g": True}
    with suppress(Unevaluable):
        assert isinstance(read.holds(values, {"h": "is too large"}), bool)


def span(data: bytes) -> None:
    """A span of time is refused, or is one of at most a hundred years."""
    with suppress(typer.BadParameter):
        assert timedelta() <= duration(as_text(data)) <= timedelta(days=36_600)


def payload(data: bytes) -> None:
    """Input is refused, or is what the standard library reads, and can travel."""
    file = HOME / "payload.json"
    file.write_bytes(data)
    with suppress(InvalidInput):
        value = read_input(str(file))
        text = data.decode("utf-8-sig")
        assert same(value, json.loads(text, parse_constant=str)), "another value than the standard library's"
        assert nesting(data) <= DEPTH
    with suppress(InvalidInput):
        list(read_lines(str(file)))


def variable(data: bytes) -> None:
    """A variable's value is refused, or can be kept as JSON and comes back."""
    with suppress(InvalidInput):
        value = read_value(as_text(data))
        assert same(from_json(to_json(value)), value)


def page_token(data: bytes) -> None:
    """A page's token is refused, or names a place that every database has."""
    text = as_text(data)
    with suppress(InvalidInput):
        place = read_place(text, "runs")
        assert place is not None
        assert 0 <= place < 2**63
        assert str(place) == text.lstrip("0") or place == 0


def binding(data: bytes) -> None:
    """What does not fit a function's parameters is refused, and what fits has their types."""
    try:
        written = to_json(from_json(data))  # what cannot be read, or not be written, is no input
    except ValueError:
        return
    sources = Sources({}, {"payload": written, "previous": written}, {})
    with suppress(ArgumentError):
        bound = bind(REGISTRY["taken"].execute.signature, sources, "taken")
        assert isinstance(bound["text"], str)
        assert isinstance(bound.get("number", 0), int)


def dead_letter(data: bytes) -> None:
    """Whatever came is kept as it came, once, and can be shown."""
    kept = asyncio.run(_kept(data, as_text(data)))
    [letter] = kept.dead_letters
    assert (letter.body, letter.size, letter.count) == (data[: len(letter.body)], len(data), 2)
    assert json.loads(kept.model_dump_json())["dead_letters"][0]["message_id"] == letter.message_id


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        frame,
        message,
        message_body,
        hop_key,
        template,
        store_url,
        transport_url,
        settings,
        workflow,
        condition,
        span,
        payload,
        variable,
        page_token,
        binding,
        dead_letter,
        voucher,
        key_set,
        record,
        signature,
        sealed,
        token_answer,
    )
}


def as_text(data: bytes) -> str:
    """Return a text as an argument or a variable of a process would be."""
    return data.decode("utf-8", "surrogateescape")


def _object(text: str) -> dict[str, Any]:
    try:
        value = from_json(text.encode("utf-8", "replace"))  # values come from the store, and this is how
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _settings(**urls: str) -> None:
    with suppress(ValueError):  # pydantic's; load_settings makes a ConfigError of it
        Settings(**urls)  # pyright: ignore[reportArgumentType]


def _loaded(folder: Path) -> Settings | ConfigError:
    try:
        return load_settings(folder)
    except ConfigError as error:
        return error


async def _kept(data: bytes, text: str) -> LetterPage:
    misfit = RejectedMessage.of("draft", text, data, Flaw.UNREADABLE, text)
    async with MemoryStore() as store:
        await store.record_dead_letters([misfit])
        await store.record_dead_letters([misfit])
        return await store.list_dead_letters()

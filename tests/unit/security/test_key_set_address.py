"""A key set at an address is asked for seldom, in the background, and counts for a day while nobody answers."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.app.custody import list_keys, revoke_key
from paigeant.config import Settings
from paigeant.errors import ConfigError, UnknownKey
from paigeant.security import key_set_address
from paigeant.security.custody import keyring as keyrings
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.purposes import KeyPlaces, Purpose
from paigeant.security.key_set_address import AGAIN, EXPIRED, KEPT, AddressKeySet
from paigeant.security.key_sets import JWKS_BYTES, KeySetExpired

HOUR = 3600.0


class Publisher(ThreadingHTTPServer):
    """A server that publishes a key set, and counts who asks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.keys = list[dict[str, Any]]()
        self.asked = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.go = Event()
        self.go.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/keys.json"

    def publish(self, key: SigningKey) -> None:
        grants = {"iss": "somebody", "may": ["dispatch:*", "step:*", "operate:*"]}
        self.keys.append({**key.public_jwk, "paigeant": grants})


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        publisher = cast("Publisher", self.server)
        publisher.asked += 1
        publisher.go.wait(10)
        if publisher.answer is not None:
            publisher.answer(self)
            return
        reply(self, 200, json.dumps({"keys": publisher.keys}).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name of the base class)
        """Say nothing."""


def reply(to: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    to.send_response(status)
    for name, value in headers.items():
        to.send_header(name, value)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    to.wfile.write(body)


@contextmanager
def publishing() -> Iterator[Publisher]:
    publisher = Publisher()
    thread = Thread(target=publisher.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield publisher
    finally:
        publisher.shutdown()
        publisher.server_close()
        thread.join()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as made:
        made.publish(SigningKey.generate())
        yield made


class Clock:
    """A monotonic clock that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        monkeypatch.setattr(key_set_address, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def settled(key_set: AddressKeySet) -> object:
    """Return its stamp once nobody is asked any more."""
    thread = key_set._thread  # pyright: ignore[reportPrivateUsage]
    if thread is not None:
        thread.join()
    return key_set.stamp()


def test_it_is_asked_for_once_in_ten_minutes_and_within_half_a_minute_if_a_key_is_missing(
    publisher: Publisher, clock: Clock
):
    key_set = AddressKeySet(publisher.url, None)
    first = key_set.read()
    stamp = key_set.stamp(soon=True)
    publisher.publish(SigningKey.generate())

    clock.now += AGAIN - 1
    assert (key_set.stamp(soon=True), settled(key_set), publisher.asked) == (stamp, stamp, 1)
    clock.now += 1
    assert (key_set.stamp(), settled(key_set), publisher.asked) == (stamp, stamp, 1)
    key_set.stamp(soon=True)
    assert settled(key_set) != stamp
    assert (len(json.loads(key_set.read())["keys"]), key_set.read() != first, publisher.asked) == (2, True, 2)

    clock.now += KEPT
    key_set.stamp()
    settled(key_set)
    assert publisher.asked == 3


def test_whoever_needs_it_meanwhile_does_not_wait_and_has_it_asked_for_once(publisher: Publisher, clock: Clock):
    key_set = AddressKeySet(publisher.url, None)
    first = key_set.read()
    publisher.go.clear()
    clock.now += KEPT

    stamps = {key_set.stamp(soon=True) for _ in range(50)}

    assert (len(stamps), key_set.read()) == (1, first)
    publisher.go.set()
    settled(key_set)
    assert publisher.asked == 2


def test_it_counts_for_a_day_while_nobody_answers_and_again_once_somebody_does(
    publisher: Publisher, clock: Clock, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING, "paigeant.keys")
    key_set = AddressKeySet(publisher.url, None)
    first = key_set.read()
    publisher.answer = lambda to: reply(to, 500, b"")
    for _ in range(3):
        clock.now += KEPT
        key_set.stamp()
        settled(key_set)
    assert key_set.read() == first
    assert len(caplog.records) == 1

    clock.now += EXPIRED
    before = key_set.stamp()
    with pytest.raises(KeySetExpired, match="nothing of it counts"):
        key_set.read()

    publisher.answer = None
    clock.now += AGAIN
    key_set.stamp()
    assert settled(key_set) != before
    assert key_set.read() == first


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda to: reply(to, 404, b""), "answers 404"),
        (lambda to: reply(to, 302, b"", Location="/other"), "no redirect is followed"),
        (lambda to: reply(to, 200, b" " * (JWKS_BYTES + 1)), "more than 262,144 bytes"),
        (lambda to: reply(to, 200, b"<html>"), "no key set"),
        (lambda to: reply(to, 200, b'{"keys": [{"kty": "OKP", "paigeant": {}}]}'), "no key set: iss"),
        (lambda to: reply(to, 200, b"{}", **{"Content-Encoding": "gzip"}), "an encoding"),
    ],
)
def test_what_is_no_key_set_is_refused_and_a_good_one_kept(publisher: Publisher, clock: Clock, answer: Any, said: str):
    key_set = AddressKeySet(publisher.url, None)
    first, stamp = key_set.read(), key_set.stamp()
    publisher.answer = answer
    clock.now += KEPT

    key_set.stamp()

    assert (settled(key_set), key_set.read()) == (stamp, first)
    with pytest.raises(ConfigError, match=said):
        AddressKeySet(publisher.url, None).read()


@pytest.mark.parametrize(
    "url", ["http://keys.example.com/keys.json", "https://user:word@example.com/keys", "ftp://a/b"]
)
def test_an_address_without_encryption_or_with_a_user_is_refused(url: str):
    with pytest.raises(ConfigError, match="PAIGEANT_TRUST"):
        AddressKeySet(url, None)


def test_a_process_starts_with_the_copy_of_the_last_day_while_nobody_answers(publisher: Publisher, tmp_path: Path):
    copy = tmp_path / "keys" / "trust.json"
    first = AddressKeySet(publisher.url, copy).read()
    assert copy.stat().st_mode & 0o777 == 0o600
    publisher.answer = lambda to: reply(to, 503, b"")

    assert AddressKeySet(publisher.url, copy).read() == first
    assert publisher.asked == 1  # it was fresh
    age(copy, 2 * HOUR)
    assert AddressKeySet(publisher.url, copy).read() == first
    assert publisher.asked == 2
    age(copy, EXPIRED + 1)
    with pytest.raises(ConfigError, match="answers 503"):
        AddressKeySet(publisher.url, copy).read()


def age(file: Path, seconds: float) -> None:
    then = datetime.now(UTC).timestamp() - seconds
    os.utime(file, (then, then))


@pytest.mark.parametrize("spoil", ["readable by others", "a link", "no key set"])
def test_a_copy_that_others_may_have_made_is_not_believed(publisher: Publisher, tmp_path: Path, spoil: str):
    copy = tmp_path / "trust.json"
    AddressKeySet(publisher.url, copy).read()
    publisher.answer = lambda to: reply(to, 503, b"")
    if spoil == "readable by others":
        copy.chmod(0o644)
    elif spoil == "a link":
        copy.rename(tmp_path / "elsewhere")
        copy.symlink_to(tmp_path / "elsewhere")
    else:
        copy.write_text("{}")

    with pytest.raises(ConfigError, match="answers 503"):
        AddressKeySet(publisher.url, copy).read()


def test_a_keyring_learns_of_keys_that_are_published_and_forgets_others_after_a_day(
    publisher: Publisher, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keyrings, "LOOK", 0.0)
    monkeypatch.setattr(keyrings, "LOOK_FOR", 0.0)
    own, other, now = SigningKey.generate(), SigningKey.generate(), datetime.now(UTC)
    write_key(tmp_path / "own", own)
    publisher.publish(own)
    key_set = AddressKeySet(publisher.url, None)
    keys = Keyring(KeyPlaces("default", tmp_path / "own", key_set))
    by_other, mine = other.sign(Purpose.RECORD, b"{}"), keys.sign(Purpose.RECORD, b"{}")
    with pytest.raises(UnknownKey):
        keys.verify(Purpose.RECORD, b"{}", by_other, now)

    publisher.publish(other)
    clock.now += AGAIN
    with pytest.raises(UnknownKey):  # it is asked for, and nobody waits
        keys.verify(Purpose.RECORD, b"{}", by_other, now)
    settled(key_set)
    assert keys.verify(Purpose.RECORD, b"{}", by_other, now).key.kid == other.kid

    publisher.answer = lambda to: reply(to, 500, b"")
    clock.now += EXPIRED
    with pytest.raises(UnknownKey):
        keys.verify(Purpose.RECORD, b"{}", by_other, now)
    assert keys.verify(Purpose.RECORD, b"{}", mine, now).key.kid == own.kid
    settled(key_set)


async def test_runs_are_signed_with_a_published_set_and_its_keys_are_listed_and_not_edited(
    publisher: Publisher, tmp_path: Path
):
    own, registry = SigningKey.generate(), ActivityRegistry()
    write_key(tmp_path / "own", own)
    publisher.publish(own)
    store, key = f"sqlite:///{tmp_path}/paigeant.db", str(tmp_path / "own")
    settings = Settings(store=store, signing="on", signing_key=key, trust=publisher.url)

    @registry.execute
    async def greet(name: str) -> str:
        return f"hello {name}"

    async with Paigeant(registry, workflows=[Workflow("w", ["greet"])], settings=settings) as app, app.worker():
        run = await app.dispatch("w", {"name": "ann"})
        assert (await run.result(timeout=10)).output == "hello ann"

    assert own.kid in {key["kid"] for key in list_keys(settings)}
    [copy] = (tmp_path / "keys").glob("trust-*.json")
    assert json.loads(copy.read_bytes()) == {"keys": publisher.keys}
    with pytest.raises(ConfigError, match="edit the file that is published there"):
        revoke_key(settings, own.kid)

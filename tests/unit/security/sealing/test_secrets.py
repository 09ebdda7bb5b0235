"""A secret opens for a key that may read it, in the run and under the name where it came into being alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from pydantic_core import from_json, to_json

from paigeant.activities.secrecy.held import HeldSecrets
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.errors import ArgumentError, ConfigError, InvalidInput, TamperedMessage, UnreadableSecret
from paigeant.model.message import RunHeaders
from paigeant.model.secrecy.secrets import SecretOrigin, SecretPolicy, wrap
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.key_sets import FileKeySet
from paigeant.security.sealing.jwe import EncryptionKey
from paigeant.security.sealing.places import Sealed, VaultPlaces
from paigeant.security.sealing.secrets import JweSecrets
from paigeant.security.sealing.vault import Vault

RUN, OTHER = UUID(int=1), UUID(int=2)
CHARGE, SHIP = EncryptionKey.generate(), EncryptionKey.generate()
CARD = b'"4111-1111"'
POLICY = SecretPolicy(readers={"card": ("charge",), "pin": ("charge", "ship"), "token": ("ship",)})


@pytest.fixture
def places(tmp_path: Path) -> Callable[[EncryptionKey | None], VaultPlaces]:
    may = {CHARGE: ["read:charge"], SHIP: ["read:ship"]}
    keys = [{**key.public_jwk, "paigeant": {"iss": "x", "may": rights}} for key, rights in may.items()]
    trust = tmp_path / "trusted.json"
    trust.write_text(json.dumps({"keys": keys}))

    def made(own: EncryptionKey | None) -> VaultPlaces:
        if own is None:
            return VaultPlaces("default", None, FileKeySet(trust))
        write_key(tmp_path / own.kid, own)
        return VaultPlaces("default", tmp_path / own.kid, FileKeySet(trust))

    return made


@pytest.fixture
def boxes(places: Callable[..., VaultPlaces]) -> dict[str, JweSecrets]:
    return {name: JweSecrets(places(key)) for name, key in (("charge", CHARGE), ("ship", SHIP), ("none", None))}


@pytest.fixture
def step() -> Iterator[Callable[..., StepSecrets]]:
    """Return what makes the secrets of a step; what they hold is released at the end, as a worker does."""
    with ExitStack() as stack:

        def made(box: JweSecrets, name: str = "charge", policy: SecretPolicy | None = POLICY) -> StepSecrets:
            held = HeldSecrets()
            stack.callback(held.release)
            return StepSecrets(name, held, RunHeaders(RUN, "flow", "t", secrets=policy), lambda: box)

        yield made


def sealed(box: JweSecrets, name: str = "card", value: bytes = CARD, run: UUID = RUN) -> bytes:
    return wrap(box.seal(SecretOrigin(run, name), value, POLICY.readers[name]))


def test_a_secret_is_opened_with_its_origin_by_the_keys_of_its_readers(boxes: dict[str, JweSecrets]) -> None:
    jwe = boxes["none"].seal(SecretOrigin(RUN, "card"), CARD, ["charge"])

    opened = boxes["charge"].open(jwe)
    assert (opened.origin, opened.json) == ((RUN, "card"), CARD)
    assert "4111" not in repr(opened)
    assert (boxes["charge"].opens(jwe), boxes["ship"].opens(jwe)) == (True, False)
    with pytest.raises(UnreadableSecret, match="sealed to other keys"):
        boxes["ship"].open(jwe)
    with pytest.raises(UnreadableSecret, match="set PAIGEANT_SECRET_KEY"):
        boxes["none"].open(jwe)
    with pytest.raises(ConfigError, match="may read:refund"):
        boxes["none"].seal(SecretOrigin(RUN, "card"), CARD, ["charge", "refund"])
    with pytest.raises(ConfigError, match="may read:refund"):
        boxes["none"].require(["refund"])
    with pytest.raises(InvalidInput, match="at most 65,536"):
        boxes["none"].seal(SecretOrigin(RUN, "card"), b"1" * 65_536, ["charge"])


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"1",
        b"[]",
        b'{"wf":"x","name":"card","value":1}',
        b'{"wf":1,"name":"card","value":1}',
        b'{"wf":"00000000-0000-0000-0000-000000000001","name":7,"value":1}',
        b'{"wf":"00000000-0000-0000-0000-000000000001","name":"card"}',
        b'{"wf":"00000000-0000-0000-0000-000000000001","name":"card","value":1,"more":1}',
        b'{"name":"card","wf":"00000000-0000-0000-0000-000000000001","value":1}',
    ],
)
def test_what_anybody_may_have_sealed_with_the_public_keys_is_read_strictly(
    places: Callable[..., VaultPlaces], boxes: dict[str, JweSecrets], plain: bytes
) -> None:
    jwe = Vault(places(None)).seal(Sealed.SECRET, plain, ["read:charge"])

    with pytest.raises(TamperedMessage, match="no secret of ours"):
        boxes["charge"].open(jwe)


def test_a_secret_does_not_open_in_another_run_nor_under_another_name(
    boxes: dict[str, JweSecrets], step: Callable[..., StepSecrets]
) -> None:
    box = boxes["charge"]
    foreign, pin = sealed(box, run=OTHER), sealed(box, "pin", b"123456")

    for name, json_, why in (
        ("card", foreign, "it was sealed for another run"),
        ("card", pin, "it was sealed as 'pin'"),
        ("payload", b'{"card":%b}' % pin, "it was sealed as 'pin'"),
        ("payload", b'{"card":%b}' % foreign, "it was sealed for another run"),
        ("previous", foreign, "it was sealed for another run"),
        ("previous", b"[%b]" % foreign, "it was sealed for another run"),
        ("card", b'"clear"', "it is a secret, and lies in clear"),
        ("card", b'["clear"]', "it is a secret, and lies in clear"),
        ("payload", b'{"card":"clear","pin":%b}' % pin, "it is a secret, and lies in clear"),
    ):
        with pytest.raises(TamperedMessage, match=why):
            step(box).reveal(name, json_)

    mine = POLICY.model_copy(update={"origins": (OTHER,)})
    assert step(box, policy=mine).reveal("card", foreign) == CARD


def test_each_changed_character_of_a_secret_is_found(boxes: dict[str, JweSecrets]) -> None:
    box = boxes["charge"]
    jwe = from_json(sealed(box))["$sealed"]

    for at in range(0, len(jwe), 7):
        changed = jwe[:at] + ("A" if jwe[at] != "A" else "B") + jwe[at + 1 :]
        with pytest.raises((TamperedMessage, UnreadableSecret)):
            box.open(changed.encode())
    for hostile in ("", "{", '{"protected":1}', jwe[:-1], jwe + " ", jwe.replace("A256KW", "A128KW", 1)):
        with pytest.raises(TamperedMessage):
            box.open(hostile.encode())


def test_a_step_gets_what_it_may_read_and_stars_for_the_rest(
    boxes: dict[str, JweSecrets], step: Callable[..., StepSecrets]
) -> None:
    box = boxes["charge"]
    card, pin, token = sealed(box), sealed(box, "pin", b"123456"), sealed(box, "token", b'"tok-1"')
    payload = b'{"a":1,"card":%b,"pin":%b,"token":%b,"deep":[{"card":%b}]}' % (card, pin, token, card)

    charge, ship = step(box), step(boxes["ship"], "ship")
    assert charge.reveal("payload", payload) == to_json(
        {"a": 1, "card": "4111-1111", "pin": 123456, "token": "***", "deep": [{"card": "4111-1111"}]}
    )
    assert ship.reveal("payload", payload) == to_json(
        {"a": 1, "card": "***", "pin": 123456, "token": "tok-1", "deep": [{"card": "***"}]}
    )
    assert charge.held.found_in(b'"of 123456"') == "the secret 'pin'"
    assert charge.reveal("tokens", b"[%b,null]" % token) == b'["***",null]'
    assert charge.reveal("pin", b"[%b,null]" % pin) == b"[123456,null]"
    assert charge.reveal("other", b'"plain"') == b'"plain"'
    assert step(box, policy=None).reveal("payload", payload).count(b"***") == 4
    for name, json_, why in (
        ("token", token, r"'token' is a secret that only ship may read: add 'charge' to secrets=\{'token': \[…\]\}"),
        ("other", card, "is a secret of another name"),
    ):
        with pytest.raises(ArgumentError, match=why):
            charge.reveal(name, json_)
    with pytest.raises(UnreadableSecret, match="'previous': it is sealed to other keys"):
        charge.reveal("previous", token)
    with pytest.raises(UnreadableSecret, match=r"'payload.pin': .* have a worker run it whose .* may read:charge"):
        step(boxes["ship"]).reveal("payload", b'{"pin":%b}' % sealed(box, "card"))
    for each in (charge, ship):
        each.held.release()


def test_a_prompt_is_made_of_no_secret(boxes: dict[str, JweSecrets], step: Callable[..., StepSecrets]) -> None:
    box = boxes["charge"]
    card = sealed(box)

    assert step(box).hide("payload", b'{"card":%b}' % card) == b'{"card":"***"}'
    for name in ("card", "previous"):
        with pytest.raises(ArgumentError, match="a model is shown none"):
            step(box).hide(name, card)

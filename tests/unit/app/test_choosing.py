"""Store, transport and codec are those that the settings name, whoever brings them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.app import choosing
from paigeant.app.choosing import choose_codec, development_folder
from paigeant.config import Settings
from paigeant.errors import ConfigError, UnknownScheme
from paigeant.model.hops import Sealed
from paigeant.model.message import PaigeantMessage
from paigeant.plugins import load_plugin
from paigeant.security.plain import PlainCodec
from paigeant.testing.builders import new_message


class NamedCodec(PlainCodec):
    """A codec of somebody else's, which knows what it is for."""

    made: ClassVar[list[tuple[str, str]]] = []
    sealed: ClassVar[list[str]] = []

    def __init__(self, name: str = "named", *, namespace: str = "default") -> None:
        super().__init__()
        self.made.append((name, namespace))

    def seal(self, message: PaigeantMessage) -> Sealed:
        self.sealed.append(message.topic)
        return super().seal(message)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> type[NamedCodec]:
    """The codec, installed under its name."""

    def load(group: str, scheme: str, **more: Any) -> Any:
        return NamedCodec if (group, scheme) == ("paigeant.codecs", "named") else load_plugin(group, scheme, **more)

    monkeypatch.setattr(choosing, "load_plugin", load)
    monkeypatch.setattr(NamedCodec, "made", [])
    monkeypatch.setattr(NamedCodec, "sealed", [])
    return NamedCodec


def test_without_a_setting_messages_are_sealed_plainly() -> None:
    codec = choose_codec(Settings())

    opened = codec.open(codec.seal(new_message("draft")).body)

    assert type(codec) is PlainCodec
    assert opened.record is None


def test_with_signing_on_hops_are_signed() -> None:
    assert choose_codec(Settings(signing="on", store="memory://")).signs


def test_a_codec_that_signs_nothing_does_not_go_with_signing(named: type[NamedCodec]) -> None:
    with pytest.raises(ConfigError, match="signing is on, and codec is 'named', which signs nothing"):
        choose_codec(Settings(signing="on", codec="named"))

    assert named.made == []


def test_there_is_one_way_to_sign() -> None:
    with pytest.raises(UnknownScheme, match="plain"):
        choose_codec(Settings(codec="signed"))


async def test_the_codec_of_the_settings_seals_what_is_dispatched(named: type[NamedCodec]) -> None:
    registry = ActivityRegistry()

    @registry.execute
    async def draft() -> str:
        return "text"

    settings = Settings(store="memory://", codec="named", namespace="ours")
    async with Paigeant(registry, workflows=[Workflow("w", ["draft"])], settings=settings) as app:
        await app.dispatch("w", None)

    assert named.made == [("named", "ours")]
    assert named.sealed == ["draft"]


def test_a_codec_that_is_not_installed_is_named_beside_those_that_are() -> None:
    with pytest.raises(UnknownScheme, match="no codec plugin for 'jws'; known schemes: plain"):
        choose_codec(Settings(codec="jws"))


async def test_a_codec_that_is_not_installed_is_said_before_anything_is_opened(tmp_path) -> None:
    app = Paigeant(settings=Settings(store=f"sqlite:///{tmp_path}/paigeant.db", codec="jws"))

    with pytest.raises(ConfigError, match="no codec plugin"):
        async with app:
            pass

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["shop?v2", "My%20Shop", "a#b", "?", "a b"])
def test_keys_of_development_lie_beside_the_database_whatever_its_folder_is_called(tmp_path: Path, name: str):
    settings = Settings(store=f"sqlite:///{tmp_path}/{name}/paigeant.db")

    assert development_folder(settings) == tmp_path / name / "keys"

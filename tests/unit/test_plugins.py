"""A scheme finds its plugin, or an error says which there are and what to install."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from paigeant import plugins
from paigeant.errors import UnknownScheme
from paigeant.plugins import load_plugin, redacted, redacted_url


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Replace what is installed."""

    def install(**values: str) -> None:
        groups = ("paigeant.stores", "paigeant.transports")
        points = EntryPoints(EntryPoint(name, value, group) for name, value in values.items() for group in groups)
        monkeypatch.setattr(plugins, "_installed", lambda: points)

    return install


def test_the_package_brings_its_own_plugins():
    loaded = [load_plugin("paigeant.stores", "memory"), load_plugin("paigeant.transports", "memory")]

    assert [plugin.__name__ for plugin in loaded] == ["MemoryStore", "MemoryTransport"]


def test_an_unknown_scheme_is_an_error_that_lists_the_known_ones(installed: Any):
    installed(memory="json:loads", sqlite="json:loads")

    with pytest.raises(UnknownScheme) as caught:
        load_plugin("paigeant.stores", "kafka", url="kafka://x")

    assert str(caught.value) == "no store plugin for 'kafka://x'; known schemes: memory, sqlite"


def test_a_scheme_that_is_not_installed_names_its_extra(installed: Any):
    installed(memory="json:loads")

    with pytest.raises(UnknownScheme, match=r"for redis: pip install 'paigeant\[redis\]'"):
        load_plugin("paigeant.transports", "redis", url="redis://x")


def test_a_transport_is_not_recommended_as_a_store(installed: Any):
    installed(memory="json:loads")

    with pytest.raises(UnknownScheme) as caught:
        load_plugin("paigeant.stores", "redis")

    assert "pip" not in str(caught.value)


def test_a_plugin_whose_library_is_missing_names_its_extra(installed: Any):
    installed(amqp="paigeant_missing_library:Transport")

    with pytest.raises(UnknownScheme, match=r"\(paigeant_missing_library\): pip install 'paigeant\[rabbitmq\]'"):
        load_plugin("paigeant.transports", "amqp")


def test_an_error_shows_no_password(installed: Any):
    installed()

    with pytest.raises(UnknownScheme) as caught:
        load_plugin("paigeant.transports", "kafka", url="kafka://ada:hunter2@broker/x")

    assert "hunter2" not in str(caught.value)
    assert "kafka://ada:***@broker/x" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost"),
        ("redis://:hunter2@localhost/0", "redis://:***@localhost/0"),
        ("postgresql+asyncpg://ada:hunt@er2@db/x?a=1", "postgresql+asyncpg://ada:***@db/x?a=1"),
        ("postgresql://db/x?user=ada&password=hunter2", "postgresql://db/x?user=ada&password=***"),
        ("cannot reach amqp://a:b@c and amqp://d:e@f", "cannot reach amqp://a:***@c and amqp://d:***@f"),
        ("sqlite:////home/ada/x.db", "sqlite:////home/ada/x.db"),
        ("sqlite:////home/ada/a#b?c/x.db", "sqlite:////home/ada/a#b?c/x.db"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("postgresql://one:5432,two:5433/x?sslmode=require", "postgresql://one:5432,two:5433/x?sslmode=require"),
        ("postgresql://ada:hun/ter2@db/x", "postgresql://ada:***@db/x"),
        ("postgresql://ada:hunter2/x", "postgresql://ada:***/x"),
        ("postgresql://db/x?pass%77ord=hunter2", "postgresql://db/x?pass%77ord=***"),
        ("postgresql://db/x?pasword=hunter2&port=1", "postgresql://db/x?pasword=***&port=1"),
        ("redis://host:6379/0: it does not answer", "redis://host:6379/0: it does not answer"),
    ],
)
def test_passwords_are_blotted_out_and_nothing_else(url: str, shown: str):
    assert redacted(url) == shown


def test_settings_of_libpq_that_are_taken_for_a_url_show_no_password():
    shown = redacted_url("host=db port=5432 user=ada password='hunter2 \\' x' sslpassword=hunter2")

    assert shown == "host=db port=5432 user=ada password=*** sslpassword=***"


@pytest.mark.parametrize(
    ("mistyped", "shown"),
    [
        ("redis//:hunter2&x=1@db/0", "***@db/0"),
        ("redis:/ada:hunter2=&x@db/0", "***@db/0"),
        ("ada:hunter2@db?password=hunter2", "***@db?password=***"),
        ("host=db password=hunter2 hunter2 port=1", "host=db password=*** port=1"),
        ("password=hunter2@hunter2 host=db", "password=*** host=db"),
    ],
)
def test_what_is_meant_as_a_url_and_is_none_shows_no_password(mistyped: str, shown: str):
    assert redacted_url(mistyped) == shown

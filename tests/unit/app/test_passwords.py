"""No password is shown, in no message, log or traceback, wherever in a URL it stands and however wrong the URL is."""

from __future__ import annotations

import logging
import traceback

import pytest

from paigeant.app import Paigeant
from paigeant.config import Settings, load_settings
from paigeant.errors import ConfigError, PaigeantError
from paigeant.plugins import redacted_url

SECRET = "hunTer2"
AWAY = "127.0.0.1:1"
PLACES = [
    f"{{scheme}}://ada:{SECRET}@{AWAY}/0",
    f"{{scheme}}://:{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:pa{SECRET}ss@{AWAY}",
    f"{{scheme}}://ada:a/{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:1/{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:a?{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:a#{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:1#{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:a@{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:a {SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:a'{SECRET}@{AWAY}/0",
    f'{{scheme}}://ada:a"{SECRET}@{AWAY}/0',
    f"{{scheme}}://ada:%zz{SECRET}@{AWAY}/0",
    f"{{scheme}}://ada:{SECRET}",
    f"{{scheme}}://ada:{SECRET}/0",
    f"{{scheme}}://ada:{SECRET}@{AWAY}:many/0",
    f"{{scheme}}://[ada:{SECRET}@{AWAY}/0",
    f"{{scheme}}://{AWAY}/0?password={SECRET}",
    f"{{scheme}}://{AWAY}/0?user=ada&password={SECRET}",
    f"{{scheme}}://{AWAY}/0?PASSWORD={SECRET}",
    f"{{scheme}}://{AWAY}/0?pass%77ord={SECRET}",
    f"{{scheme}}://{AWAY}/0?pasword={SECRET}",
    f"{{scheme}}://{AWAY}/0?password=a&password={SECRET}",
    f"{{scheme}}://{AWAY}/0?password=a@{SECRET}",
    f"{{scheme}}:/ada:{SECRET}@{AWAY}/0",
    f"{{scheme}}:ada:{SECRET}@{AWAY}/0",
    f"ada:{SECRET}@{AWAY}",
    f"://ada:{SECRET}@{AWAY}",
]
SCHEMES = {"store": ("postgresql", "sqlite", "kafka"), "transport": ("redis", "rediss", "amqp", "amqps", "kafka")}


def whole(error: BaseException) -> str:
    """Return all that a traceback of an error shows, with everything that led to it."""
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("part", "scheme"), [(part, scheme) for part in SCHEMES for scheme in SCHEMES[part]])
async def test_a_url_with_a_password_shows_it_nowhere(
    part: str, scheme: str, place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    url = place.format(scheme=scheme)
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(f"PAIGEANT_{part.upper()}", url)
    if part == "transport":
        monkeypatch.setenv("PAIGEANT_STORE", "memory://")
    shown = [redacted_url(url)]

    try:
        settings = load_settings()
        shown += [repr(settings), str(settings), str(settings.redacted())]
    except ConfigError as error:
        shown.append(whole(error))
    try:
        made = Settings(store="memory://").model_copy(update={part: url})
        async with Paigeant(settings=made):
            pass
    except (PaigeantError, ValueError) as error:
        shown.append(whole(error))

    assert len(shown) > 1
    assert SECRET not in " ".join([*shown, caplog.text])

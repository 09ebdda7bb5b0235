"""In production nothing starts that is unsigned, unencrypted, or has the password of every fresh installation."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant
from paigeant.app.upkeep.safety import examine_safety, require_safe
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Severity

KEYS: dict[str, Any] = {"signing": "on", "signing_key": "key", "trust": "trust"}
UNSAFE: dict[str, tuple[dict[str, Any], str]] = {
    "unsigned": ({}, "signing is off"),
    "keys that nobody uses": ({**KEYS, "signing": "off"}, "signing is off, and keys are configured"),
    "no key": ({"signing": "on", "trust": "trust"}, "no signing key is configured"),
    "no trust": ({"signing": "on", "signing_key": "key"}, "no keys are trusted"),
    "a database in clear": ({**KEYS, "store": "postgresql://shop:long@db/shop"}, "reached without encryption"),
    "a database that anybody may be": (
        {**KEYS, "store": "postgresql://shop:long@db/shop?sslmode=require"},
        "reached without encryption",
    ),
    "a broker in clear": ({**KEYS, "transport": "amqp://shop:long@broker/"}, "reached without encryption"),
    "a guest": ({**KEYS, "transport": "amqps://guest:guest@broker/"}, "password of a fresh installation"),
    "a name as password": (
        {**KEYS, "store": "postgresql://shop:shop@localhost/shop"},
        "password of a fresh installation",
    ),
}


@pytest.mark.parametrize(("given", "why"), UNSAFE.values(), ids=UNSAFE)
def test_in_production_it_is_refused_with_what_to_do(given: dict[str, Any], why: str):
    with pytest.raises(ConfigError, match=rf"{why} \(PAIGEANT_ENV=prod\): "):
        require_safe(Settings(env="prod", **given))
    require_safe(Settings(env="dev", **given))


SAFE: dict[str, dict[str, Any]] = {
    "a file": KEYS,
    "a signer": {"signing": "on", "signer": "command:/bin/sign", "trust": "trust"},
    "this machine": {**KEYS, "store": "postgresql://shop:long@localhost/shop", "transport": "redis://127.0.0.1"},
    "encrypted": {
        **KEYS,
        "store": "postgresql://shop:long@db/shop?sslmode=verify-full",
        "transport": "rediss://:long@cache",
    },
}


@pytest.mark.parametrize("given", SAFE.values(), ids=SAFE)
def test_what_is_safe_starts(given: dict[str, Any]):
    require_safe(Settings(env="prod", **given))

    assert {each.severity for each in examine_safety(Settings(env="prod", **given))} == {Severity.OK}


def test_no_password_is_in_what_is_said():
    settings = Settings(env="prod", **{**KEYS, "store": "postgresql://shop:hunter2@db/shop"})

    assert not any("hunter2" in f"{each.said} {each.fix}" for each in examine_safety(settings))


async def test_a_worker_does_not_start_unsigned_in_production():
    registry = ActivityRegistry()

    @registry.execute
    def greet() -> str:
        return "hello"

    async with Paigeant(registry, settings=Settings(store="memory://", env="prod")) as app:
        with pytest.raises(ConfigError, match="signing is off"):
            async with app.worker():
                pass

"""A field is masked by its name, however it is written, and what only looks like a secret's name is not."""

from __future__ import annotations

import json
import re

import pytest

from paigeant.telemetry.lines import json_line
from paigeant.telemetry.secret_names import is_secret

SECRETS = [
    "apiKey",
    "APIKey",
    "api_key",
    "X-API-Key",
    "apikey",
    "accessToken",
    "access_tokens",
    "refreshToken",
    "token",
    "auth",
    "password",
    "db_password",
    "userPassword",
    "password_hash",
    "passwords",
    "passwd",
    "pwd",
    "clientSecret",
    "AWS_SECRET_ACCESS_KEY",
    "stripe.secret_key",
    "privateKeyPem",
    "signingKey",
    "Authorization",
    "authHeader",
    "set-cookie",
    "bearer",
    "sessionId",
    "session_id",
    "connectionString",
    "credentials",
    "jwt",
    "csrfToken",
]

OTHERS = [
    "idempotency_key",
    "dispatch_key",
    "primaryKey",
    "key",
    "keyboard",
    "tokenCount",
    "token_type",
    "tokenizer",
    "author",
    "compass",
    "passenger",
    "monkey",
    "session",
    "password_changed_at",
    "secret_name",
    "passed",
    "bypass",
    "step",
    "workflow_id",
    "trace_id",
    "correlation_id",
    "secretary",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_masked(name: str):
    assert is_secret(name)
    assert "hunter2" not in json_line({"event": "x", name: "hunter2"})
    assert "hunter2" not in json_line({"event": "x", "config": {name: "hunter2"}})


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_none_is_shown(name: str):
    assert not is_secret(name)
    assert json.loads(json_line({"event": "x", name: "shown"}))[name] == "shown"


@pytest.mark.parametrize("name", ["input_tokens", "totalTokens", "max_tokens"])
def test_numbers_of_tokens_are_counts(name: str):
    assert re.search(r":\s*812\b", json_line({"event": "x", name: 812}))
    assert "hunter2" not in json_line({"event": "x", name: "hunter2"})

"""``paigeant audit`` and ``paigeant keys``."""

from __future__ import annotations

import json
from typing import Any


def test_a_key_is_made_once_and_for_its_owner_only(empty: Any):
    made = empty.paigeant("keys", "generate", "keys/api.jwk")
    again = empty.paigeant("keys", "generate", "keys/api.jwk")

    path = empty.folder / "keys/api.jwk"
    assert made.returncode == 0
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert json.loads(path.read_text())["kid"] in made.stderr
    assert again.returncode == 2
    assert "never overwritten" in again.stderr


def test_the_public_half_says_what_the_key_may_sign(empty: Any):
    empty.paigeant("keys", "generate", "api.jwk", "--algorithm", "ES256")

    printed = empty.paigeant("keys", "export-jwks", "api.jwk", "--iss", "api", "--may", "dispatch:*")
    refused = empty.paigeant("keys", "export-jwks", "api.jwk", "--iss", "api", "--may", "everything")

    [key] = json.loads(printed.stdout)["keys"]
    assert (key["alg"], key["paigeant"]) == ("ES256", {"iss": "api", "may": ["dispatch:*"]})
    assert "d" not in key
    assert refused.returncode == 2
    assert "'everything' is no right" in refused.stderr


def test_a_key_that_others_can_read_is_refused_with_the_command_that_fixes_it(empty: Any):
    empty.paigeant("keys", "generate", "api.jwk")
    path = empty.folder / "api.jwk"
    path.chmod(0o644)

    refused = empty.paigeant("keys", "export-jwks", "api.jwk", "--iss", "api")

    assert refused.returncode == 2
    assert "chmod 600" in refused.stderr


def test_a_run_is_verified_with_the_key_of_development(project: Any):
    project.write("paigeant.yaml", "handlers: handlers.py\nsigning: on\n")
    begun = project.paigeant("dispatch", "hello", "input.json", "--json")
    run = json.loads(begun.stdout)["workflow_id"]

    audited = project.paigeant("audit", "verify", run)
    as_json = project.paigeant("audit", "verify", "--all", "--json")

    assert (project.folder / ".paigeant/keys/dev.jwk").stat().st_mode & 0o777 == 0o600
    assert (audited.returncode, audited.stdout.splitlines()[0]) == (0, f"{run}  intact")
    assert "prove nothing" in audited.stderr
    found = json.loads(as_json.stdout)
    assert (found["workflow_id"], found["verdict"], found["broken"]) == (run, "intact", None)


def test_a_run_of_which_nothing_is_signed_says_so(project: Any):
    run = json.loads(project.paigeant("dispatch", "hello", "input.json", "--json").stdout)["workflow_id"]

    audited = project.paigeant("audit", "verify", run)

    assert (audited.returncode, audited.stdout.splitlines()) == (0, [f"{run}  unsigned"])


def test_a_key_is_rotated_and_the_old_one_revoked(empty: Any):
    empty.paigeant("keys", "generate", "api.jwk")
    printed = empty.paigeant("keys", "export-jwks", "api.jwk", "--iss", "api", "--may", "dispatch:*")
    empty.write("trust.json", printed.stdout)
    empty.write("paigeant.yaml", "trust: trust.json\n")
    [old] = json.loads(empty.paigeant("keys", "list").stdout)["keys"]

    rotated = empty.paigeant("keys", "rotate", "api.jwk", "--now")
    retired = empty.paigeant("keys", "retire", "api.jwk")
    revoked = empty.paigeant("keys", "revoke", old["kid"], "--from", "2026-01-31T12:00:00", "--compromised")

    found = json.loads(empty.paigeant("keys", "list").stdout)["keys"]
    assert (rotated.returncode, retired.returncode, revoked.returncode) == (0, 0, 0)
    assert (old["iss"], old["may"]) == ("api", ["dispatch:*"])
    assert [key["kid"] for key in found] == [old["kid"], json.loads((empty.folder / "api.jwk").read_text())["kid"]]
    assert (found[0]["revoked_from"], found[0]["compromised"]) == ("2026-01-31T12:00:00Z", True)
    assert "exp" in found[0]
    assert "revoked_from" not in found[1]

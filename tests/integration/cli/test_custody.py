"""``paigeant audit`` and ``paigeant keys``."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest


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


def test_a_run_is_archived_before_it_is_pruned(project: Any):
    project.write("paigeant.yaml", "handlers: handlers.py\nsigning: on\n")
    run, other = (
        json.loads(project.paigeant("dispatch", "hello", "input.json", "--json").stdout)["workflow_id"] for _ in "12"
    )
    for each in (run, other):
        project.paigeant("terminate", each)
    project.write(f"old/{other}.json", "something else")

    pruned = project.paigeant("prune", "--older-than", "0s", "--yes", "--archive", "old", "--json")

    assert pruned.returncode == 1
    found = json.loads(pruned.stdout)
    assert (found["deleted"], [each["workflow_id"] for each in found["kept"]]) == (1, [other])
    assert (project.folder / f"old/{run}.json").read_bytes().startswith(b'{"evidence":')
    assert project.paigeant("show", run).returncode != 0
    assert project.paigeant("show", other).returncode == 0


def test_runs_that_began_unsigned_are_adopted(project: Any):
    run = json.loads(project.paigeant("dispatch", "hello", "input.json", "--json").stdout)["workflow_id"]
    unsigned = project.paigeant("audit", "adopt", run)
    project.write("paigeant.yaml", "handlers: handlers.py\nsigning: on\n")

    early = project.paigeant("audit", "adopt", "--all", "--before", "2026-01-31T12:00:00", "--json")
    adopted = project.paigeant("audit", "adopt", "--all", "--json")
    again = project.paigeant("audit", "adopt", run)
    audited = project.paigeant("audit", "verify", run)

    assert unsigned.returncode == 2
    assert "PAIGEANT_SIGNING=on" in unsigned.stderr
    assert json.loads(early.stdout) == {"adopted": [], "refused": []}
    assert (adopted.returncode, json.loads(adopted.stdout)) == (0, {"adopted": [run], "refused": []})
    assert "prove nothing" in adopted.stderr
    assert (again.returncode, again.stderr.splitlines()[-1]) == (0, "adopted 0 runs")
    assert (audited.returncode, audited.stdout.splitlines()[0]) == (0, f"{run}  intact")


def test_of_several_runs_one_that_refuses_keeps_no_other_from_being_adopted(project: Any):
    over, open_run = (project.json("dispatch", "hello", "input.json")["workflow_id"] for _ in "12")
    project.paigeant("terminate", over)
    signing = {"PAIGEANT_SIGNING": "on"}

    adopted = project.paigeant("audit", "adopt", over, open_run, "--json", **signing)
    unknown = project.paigeant("audit", "adopt", open_run, "0000", **signing)

    said = json.loads(adopted.stdout)
    assert (adopted.returncode, said["adopted"]) == (1, [open_run])
    assert [(each["workflow_id"], "terminated" in each["why"]) for each in said["refused"]] == [(over, True)]
    assert unknown.returncode == 2


@pytest.mark.parametrize("words", [(), ("0198", "--all"), ("0198", "--before", "2026-01-31")])
def test_runs_to_adopt_are_named_in_one_way(empty: Any, words: tuple[str, ...]):
    refused = empty.paigeant("audit", "adopt", *words)

    assert refused.returncode == 2


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


SIGN = """#!/bin/sh
case $1 in
  public-key) openssl pkey -in key.pem -pubout ;;
  sign) openssl dgst -sha256 -sign key.pem | base64 ;;
esac
"""


def test_a_process_without_a_key_is_vouched_for_by_a_program(project: Any):
    program = project.folder / "sign"
    words = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem"]
    subprocess.run(words, cwd=project.folder, check=True, capture_output=True)
    project.write("sign", SIGN)
    program.chmod(0o700)
    yaml = f"handlers: handlers.py\nsigning: on\nsigner: command:{program}\ntrust: trust.json\n"
    project.write("paigeant.yaml", yaml)
    exported = project.paigeant("keys", "export-jwks", "--iss", "api", "--may", "dispatch:hello")
    project.write("trust.json", '{"keys": []}')

    unknown = project.paigeant("dispatch", "hello", "input.json", "--json")
    examined = project.paigeant("doctor")
    project.write("trust.json", exported.stdout)
    begun = project.paigeant("dispatch", "hello", "input.json", "--json")
    run = json.loads(begun.stdout)["workflow_id"]
    healthy = project.paigeant("doctor")
    [issuer, voucher] = json.loads(project.paigeant("keys", "list").stdout)["keys"]
    audited = project.paigeant("audit", "verify", run)
    revoked = project.paigeant("keys", "revoke", voucher["kid"], "--from", "2026-01-31T12:00:00")
    nobody = project.paigeant("keys", "revoke", "nobody")
    broken = project.paigeant("audit", "verify", run)

    assert unknown.returncode == 2
    assert "publish what `paigeant keys export-jwks --iss NAME --may …` prints" in unknown.stdout
    assert "the key of PAIGEANT_SIGNER is not in the key set" in examined.stdout
    assert "it signs, as api" in healthy.stdout
    assert "1 voucher is good" in healthy.stdout
    assert (voucher["iss"], voucher["may"], voucher["issuer"]) == ("api", ["dispatch:hello"], issuer["kid"])
    assert audited.stdout.splitlines()[0] == f"{run}  intact"
    assert (revoked.returncode, nobody.returncode, broken.returncode) == (0, 2, 1)
    assert "nor a voucher in the store" in nobody.stderr
    assert "was revoked" in broken.stdout


def test_a_process_signs_with_one_key(empty: Any):
    empty.write("paigeant.yaml", "signer: command:/bin/true\nsigning_key: api.jwk\ntrust: trust.json\n")

    refused = empty.paigeant("keys", "list")

    assert refused.returncode == 2
    assert "signing_key and signer are both set" in refused.stderr


def test_evidence_is_exported_and_verified_without_a_store(project: Any):
    project.write("paigeant.yaml", "handlers: handlers.py\nsigning: on\n")
    run = json.loads(project.paigeant("dispatch", "hello", "input.json", "--json").stdout)["workflow_id"]
    rights = [word for kind in ("dispatch", "step", "operate") for word in ("--may", f"{kind}:*")]
    jwks = project.paigeant("keys", "export-jwks", ".paigeant/keys/dev.jwk", "--iss", "dev", *rights)
    project.write("trust.json", jwks.stdout)

    written = project.paigeant("audit", "export", run, "--output", "run.json")
    printed = project.paigeant("audit", "export", "--last", "--without-values")
    project.write("digests.json", printed.stdout)
    project.write("paigeant.yaml", "store: postgresql://nobody@nowhere.invalid/none\n")
    verified = project.paigeant("audit", "verify", "run.json", "--jwks", "trust.json", "--json")
    digests = project.paigeant("audit", "verify", "digests.json", "--jwks", "trust.json")

    assert (written.returncode, written.stdout, printed.returncode) == (0, "", 0)
    assert (project.folder / "run.json").stat().st_mode & 0o777 == 0o600
    found = json.loads(verified.stdout)
    assert (verified.returncode, found["workflow_id"], found["verdict"], found["broken"]) == (0, run, "intact", None)
    assert (digests.returncode, digests.stdout.splitlines()[0]) == (0, f"{run}  intact")
    assert "without values: their digests were not recomputed" in digests.stdout


def test_evidence_that_was_changed_exits_1_and_names_the_document(project: Any):
    project.write("paigeant.yaml", "handlers: handlers.py\nsigning: on\n")
    run = json.loads(project.paigeant("dispatch", "hello", "input.json", "--json").stdout)["workflow_id"]
    project.write("trust.json", '{"keys": []}')
    project.write("run.json", project.paigeant("audit", "export", run).stdout)

    changed = project.paigeant("audit", "verify", "run.json", "--jwks", "trust.json")
    as_json = project.paigeant("audit", "verify", "run.json", "--jwks", "trust.json", "--json")

    assert changed.returncode == 1
    assert "broken, document: it is signed by key" in changed.stdout
    assert (as_json.returncode, json.loads(as_json.stdout)["broken"]["link"]) == (1, "document")


def test_a_file_is_verified_by_a_key_set_and_one_at_a_time(project: Any):
    project.write("trust.json", '{"keys": []}')

    for words in (["--last"], ["--all"], ["gone.json"], []):
        refused = project.paigeant("audit", "verify", *words, "--jwks", "trust.json")
        assert refused.returncode == 2, words
    assert project.paigeant("audit", "verify", "gone.json", "--jwks", "gone.json").returncode == 2

"""What the command line and the log of a worker say of a run with secrets, and how they are dispatched and set."""

from __future__ import annotations

import json
from typing import Any

HANDLERS = """
import logging

from paigeant import ActivityContext, Terminal, activity


@activity.execute
def charge(card: str, ctx: ActivityContext) -> str:
    ctx.logger.warning("charging %s", card)
    logging.getLogger("library").warning("a library says %s", {"card": [card]})
    ctx.heartbeat(f"at {card}")
    if card.startswith("4000"):
        raise ValueError(f"no money on {card}") from KeyError(card)
    return "tok_" + card[::-1]


@activity.execute
def ship(payload: dict[str, str]) -> dict[str, str]:
    return payload
"""
SETTINGS = """
handlers: handlers.py
log_level: debug
log_payloads: true
workflows:
  pay:
    secrets: {card: charge, charge: [charge]}
    steps: [{activity: charge, retry: {max_attempts: 1}}, ship]
  later:
    secrets: {card: charge, charge: charge}
    steps: [{wait: card}, {wait: go}, charge]
"""
GOOD, BAD, NEW, SENT, SET = "5100-2222-3333", "4000-5555-6666", "5200-7777-8888", "5300-9999-1111", "5400-2222-4444"


def test_no_command_and_no_line_of_a_worker_shows_a_secret(empty: Any, until: Any):
    empty.write("handlers.py", HANDLERS)
    empty.write("paigeant.yaml", SETTINGS)
    empty.write("many.jsonl", f'{{"card": "{GOOD}"}}\n{{"card": "{BAD}"}}\n')
    worker = empty.worker()
    [good, bad] = empty.paigeant("dispatch", "pay", "many.jsonl", "--each").stdout.split()
    stands = {run: until(lambda run=run: ended(empty, run)) for run in (good, bad)}
    forked = empty.paigeant("fork", good, "--from", "ship", "--set", f'charge="{NEW}"').stdout.strip()
    until(lambda: ended(empty, forked))
    later = empty.paigeant("dispatch", "later", "{}").stdout.strip()
    said = [empty.paigeant("signal", later, "card", "-", stdin=f'"{SENT}"').stderr]
    set_to = empty.json("variables", later, "card", "-", stdin=f'"{SET}"')
    empty.paigeant("signal", later, "go")
    until(lambda: ended(empty, later))

    assert set_to == {"workflow_id": later, "key": "card", "value": "***"}
    assert (stands[good]["status"], stands[good]["output"]) == ("completed", {"card": "***"})
    assert stands[bad]["error"]["message"] == "no money on ***; caused by KeyError: '***'"
    assert stands[bad]["steps"][0]["heartbeat_detail"] == "at ***"
    said = [empty.said(worker), *said]
    for run in (good, bad, forked, later):
        for command in (["show", "--calls"], ["variables"], ["why"], ["show", "--json"]):
            said += [empty.paigeant(command[0], run, *command[1:]).stdout]
    said += [empty.paigeant("runs", "--json").stdout]
    assert '"message":"charging ***"' in said[0] or "charging ***" in said[0]
    assert "a library says {'card': ['***']}" in said[0]
    held = [file.read_bytes().decode("latin-1") for file in empty.folder.rglob("*.db*") if file.is_file()]
    for clear in (GOOD, BAD, NEW, SENT, SET, "tok_" + GOOD[::-1]):
        assert not [text for text in [*said, *held] if clear in text], clear


def ended(project: Any, run: str) -> Any:
    found = project.json("show", run)
    return found if found["status"] in {"completed", "failed", "compensated"} else None


def test_secrets_that_do_not_fit_are_named_by_check_and_keys_may_read(empty: Any):
    empty.write("handlers.py", HANDLERS + "\n\n@activity.execute\ndef look(card: str) -> int:\n    return 1\n")
    empty.write("paigeant.yaml", SETTINGS.replace("}, ship]", "}, look]"))

    checked = empty.paigeant("check")

    assert checked.returncode != 0
    assert "'card' is a secret that only charge may read: add 'look' to secrets=" in checked.stdout + checked.stderr
    empty.paigeant("keys", "generate", "pay.jwk", "--algorithm", "X25519")
    made = json.loads(empty.paigeant("keys", "export-jwks", "pay.jwk", "--iss", "pay", "--may", "read:charge").stdout)
    [key] = made.get("keys", [made])
    assert (key["use"], key["paigeant"]["may"]) == ("enc", ["read:charge"])

"""``paigeant dispatch --obo-token-file`` and ``paigeant identity renew``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.identity_provider import IdentityProvider, Refused, identity_provider

HANDLERS = """
from paigeant import ActivityContext, Workflow, activity


@activity.execute
async def ask(ctx: ActivityContext) -> str:
    return str(await ctx.identity.token(audience="crm", scopes=["crm.read"]))


flow = Workflow("flow", ["ask"], identity={"crm": ["crm.read"]})
"""


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as served:
        yield served


@pytest.fixture
def office(empty: Any, provider: IdentityProvider) -> Any:
    empty.write("handlers.py", HANDLERS)
    settings = {"handlers": "handlers.py", **provider.settings}
    empty.write("paigeant.yaml", "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items()))
    return empty


def over(answer: dict[str, Any]) -> None:
    raise Refused("invalid_grant")


def test_a_run_acts_for_the_person_whose_token_is_in_a_file_and_goes_on_with_a_new_one(
    office: Any, provider: IdentityProvider, until: Any
):
    office.write("token", provider.token("ann") + "\n")
    office.write("new", provider.token("ann"))
    office.write("other", provider.token("bob"))
    provider.twists.append(over)
    run = office.paigeant("dispatch", "flow", "--obo-token-file", "token").stdout.strip()

    def stands(status: str) -> Any:
        found = office.json("show", run)
        return found if found["status"] == status else None

    office.worker()
    waiting = until(lambda: stands("waiting"))
    why = office.paigeant("why", run)
    refused = office.paigeant("identity", "renew", run, "--token-file", "other")
    renewed = office.paigeant("identity", "renew", run, "--token-file", "new")
    done = until(lambda: stands("completed"))

    assert waiting["reason"].startswith("reauthentication")
    assert "paigeant identity renew" in why.stdout
    assert (refused.returncode, renewed.returncode) == (2, 0)
    assert "another person" in refused.stderr
    assert "1 step that waited for it goes on" in renewed.stderr
    assert done["output"] == "***"
    assert "identity-renew" in office.paigeant("show", run).stdout


@pytest.mark.parametrize(
    ("token", "said"), [("", "no access token"), ("a b", "no access token"), ("x" * 20_000, "no access token")]
)
def test_a_file_without_a_token_is_refused(office: Any, token: str, said: str):
    office.write("token", token)

    refused = office.paigeant("dispatch", "flow", "--obo-token-file", "token")

    assert refused.returncode == 2
    assert said in refused.stderr
    assert office.paigeant("dispatch", "flow", "--obo-token-file", "nowhere").returncode == 2


def test_the_secret_of_the_client_is_not_shown(office: Any, provider: IdentityProvider):
    shown = office.paigeant("config", "--json").stdout + office.paigeant("doctor").stdout

    assert provider.settings["identity_client_secret"] not in shown
    assert provider.issuer in shown


def test_half_a_provider_is_a_finding_of_doctor(empty: Any):
    empty.write("paigeant.yaml", "identity_issuer: https://login.example.com\n")

    found = empty.paigeant("doctor")

    assert found.returncode == 1
    assert "PAIGEANT_IDENTITY_AUDIENCE" in found.stdout

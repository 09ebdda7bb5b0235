"""People sign in at an OpenID provider, over real HTTP, and programs come with access tokens of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import pytest

from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.web import Access
from paigeant.web.sign_in import attempt
from paigeant.web.sign_in.openid import OpenIdProvider, choose_provider
from tests.identity_provider import CLIENT, IdentityProvider, identity_provider, strange_key
from tests.unit.web.conftest import client_of

HERE = "https://ops.example.com"
HTML = {"accept": "text/html"}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as made:
        yield made


def settings_of(provider: IdentityProvider, **changes: Any) -> Settings:
    options: dict[str, Any] = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT[0],
        "oidc_client_secret": CLIENT[1],
        "oidc_audience": "api://paigeant",
        "oidc_viewer": "staff",
        "oidc_operator": "ops",
        "oidc_admin": "platform",
        "oidc_payloads": "auditors",
    }
    return Settings(**(options | changes))


@pytest.fixture
async def browser(paigeant: Paigeant, provider: IdentityProvider) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of a server where people sign in; it keeps cookies, and follows no redirects by itself."""
    access = Access(local=False, openid=OpenIdProvider(settings_of(provider)))
    async with client_of(paigeant, access) as client:
        client.base_url = httpx2.URL(HERE)
        yield client


async def sign_in(
    browser: httpx2.AsyncClient, page: str = "/login/openid", change: Callable[[str], str] = lambda answer: answer
) -> httpx2.Response:
    """Go to the provider and come back, with the answer as ``change`` leaves it."""
    sent = await browser.get(page)
    assert sent.status_code == 303, sent.text
    async with httpx2.AsyncClient(verify=False) as elsewhere:
        back = await elsewhere.get(sent.headers["location"])
    return await browser.get(change(back.headers["location"]), headers=HTML)


async def test_who_signs_in_there_goes_on_with_the_page_they_asked_for(browser: httpx2.AsyncClient):
    refused = await browser.get("/runs?status=failed", headers=HTML)
    login = await browser.get(refused.headers["location"])
    signed_in = await sign_in(browser, "/login/openid?back=%2Fruns%3Fstatus%3Dfailed")
    page = await browser.get(signed_in.headers["location"], headers=HTML)

    assert refused.headers["location"] == "/login?back=%2Fruns%3Fstatus%3Dfailed"
    assert 'href="/login/openid?back=/runs%3Fstatus%3Dfailed"' in login.text
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/runs?status=failed")
    assert (page.status_code, "ann" in page.text) == (200, True)


async def test_the_session_cookie_is_for_this_server_and_no_script(browser: httpx2.AsyncClient):
    answer = await sign_in(browser)

    session, gone = answer.headers.get_list("set-cookie")
    assert session.startswith("__Host-paigeant=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(session.split("; "))
    assert gone.startswith('__Host-paigeant-attempt=""')


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        (["staff"], ("viewer", False)),
        (["staff", "auditors"], ("viewer", True)),
        (["ops", "staff"], ("operator", True)),
        ("platform", ("admin", True)),
    ],
)
async def test_the_highest_role_in_the_claim_counts(provider: IdentityProvider, roles: Any, may: tuple[str, bool]):
    identity = await identify(provider, roles=roles)

    assert (identity.role.name.lower(), identity.payloads) == may


@pytest.mark.parametrize("roles", [[], None, ["Staff", "staff ", "staffing"], {"staff": True}, [["staff"]], 7])
async def test_who_has_no_role_is_told_and_stays_outside(browser: httpx2.AsyncClient, provider: Any, roles: Any):
    provider.person["roles"] = roles

    answer = await sign_in(browser)

    assert answer.status_code == 401
    assert "ann has signed in, and may nothing here" in answer.text
    assert (await browser.get("/api/v1/runs")).status_code == 401


async def test_a_claim_may_lie_deeper_or_have_points_in_its_name(provider: IdentityProvider):
    deep = await identify(provider, {"oidc_claim": "realm_access.roles"}, realm_access={"roles": ["ops"]})
    name = "https://example.com/roles"
    pointed = await identify(provider, {"oidc_claim": name}, **{name: ["platform"]})

    assert (deep.role.name, pointed.role.name) == ("OPERATOR", "ADMIN")


async def test_deeds_bear_a_verified_address_else_the_subject_and_never_a_chosen_name(provider: IdentityProvider):
    verified = await identify(provider, email="ann@example.com", email_verified=True)
    claimed = await identify(provider, email="boss@example.com", email_verified=False, preferred_username="boss")

    assert (verified.name, claimed.name) == ("ann@example.com", "ann")


async def identify(provider: IdentityProvider, settings: dict[str, Any] | None = None, /, **claims: Any) -> Any:
    """Return who comes with an access token of these claims."""
    token = provider.token(**{"aud": "api://paigeant", "roles": ["staff"], **claims})
    found = await OpenIdProvider(settings_of(provider, **(settings or {}))).by_access_token(token)
    assert found is not None
    return found


# -- what must not work


def other_state(answer: str) -> str:
    return answer.replace("state=", "state=x")


def other_issuer(answer: str) -> str:
    return str(httpx2.URL(answer).copy_merge_params({"iss": "https://evil.example.com"}))


def error(answer: str) -> str:
    state = httpx2.URL(answer).params["state"]
    return f"{answer.partition('?')[0]}?error=access_denied&state={state}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_state, "not to the question"),
        (other_issuer, "another provider"),
        (error, "access_denied"),
        (lambda answer: answer.replace("code=", "code=x"), "not taken the code: invalid_grant"),
    ],
)
async def test_another_answer_signs_nobody_in(browser: httpx2.AsyncClient, change: Any, said: str):
    answer = await sign_in(browser, change=change)

    assert (answer.status_code, said in answer.text) == (401, True), answer.text
    assert (await browser.get("/api/v1/runs")).status_code == 401


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"nonce": "another"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"aud": "somebody-else"}, "not for this server"),
        ({"aud": [CLIENT[0], "somebody-else"]}, "another client as well"),
        ({"iss": "https://evil.example.com"}, "not of the provider"),
        ({"exp": 1}, "run out"),
        ({"exp": None}, "good for ever"),
        ({"sub": None}, "does not say who this is"),
    ],
)
async def test_a_token_that_is_not_this_sign_ins_is_refused(
    browser: httpx2.AsyncClient, provider: IdentityProvider, claims: dict[str, Any], said: str
):
    provider.claims.append(lambda claimed: claimed.update(claims))

    answer = await sign_in(browser)

    assert (answer.status_code, said in answer.text) == (401, True), answer.text
    assert (await browser.get("/api/v1/runs")).status_code == 401


async def test_a_token_that_another_has_signed_is_refused(browser: httpx2.AsyncClient, provider: IdentityProvider):
    provider.claims.append(lambda claimed: claimed.update(key=strange_key()))

    answer = await sign_in(browser)

    assert (answer.status_code, "has not signed" in answer.text) == (401, True), answer.text
    assert (await browser.get("/api/v1/runs")).status_code == 401


async def test_an_answer_counts_only_in_the_browser_that_began_and_only_once(browser: httpx2.AsyncClient):
    sent = await browser.get("/login/openid")
    async with httpx2.AsyncClient(verify=False) as elsewhere:
        answer = (await elsewhere.get(sent.headers["location"])).headers["location"]
    cookies = dict(browser.cookies)
    browser.cookies.clear()

    victim = await browser.get(answer)
    forged = await browser.get(answer, headers={"cookie": f"__Host-paigeant-attempt={'x' * 40}.{'0' * 64}"})
    cookie = {"cookie": f"__Host-paigeant-attempt={cookies['__Host-paigeant-attempt']}"}
    first = await browser.get(answer, headers=cookie)
    again = await browser.get(answer, headers=cookie)

    assert [victim.status_code, forged.status_code, first.status_code, again.status_code] == [400, 400, 303, 401]


async def test_an_answer_that_comes_too_late_is_none(browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attempt, "SECONDS", -1.0)

    assert (await sign_in(browser)).status_code == 400


@pytest.mark.parametrize("cookie", ["é.é", ".", "x", "x." + "0" * 64, "x.y.z", "é" * 40 + "." + "0" * 64])
def test_a_cookie_of_somebody_else_begins_nothing(cookie: str):
    assert attempt.Attempt.open(cookie, b"secret") is None


@pytest.mark.parametrize("back", ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "", "/a\nb"])
async def test_nobody_is_sent_to_another_site(browser: httpx2.AsyncClient, back: str):
    sent = await browser.get("/login/openid", params={"back": back})
    async with httpx2.AsyncClient(verify=False) as elsewhere:
        answer = (await elsewhere.get(sent.headers["location"])).headers["location"]

    assert (await browser.get(answer)).headers["location"] == "/"


async def test_a_provider_that_is_away_is_no_refusal(paigeant: Paigeant, provider: IdentityProvider):
    access = Access(local=False, openid=OpenIdProvider(settings_of(provider)))
    token = provider.token(aud="api://paigeant", roles=["ops"])
    provider.shutdown()
    provider.server_close()

    async with client_of(paigeant, access) as client:
        page = await client.get("/login/openid")
        call = await client.get("/api/v1/runs", headers={"authorization": f"Bearer {token}"})

    assert (page.status_code, call.status_code) == (503, 503)


# -- programs


async def test_programs_come_with_access_tokens_for_this_server(browser: httpx2.AsyncClient, provider: Any):
    async def ask(**claims: Any) -> int:
        token = provider.token(**{"aud": "api://paigeant", "roles": ["ops"], **claims})
        order = {"workflow": "hello", "input": {"name": "Ann"}}
        answer = await browser.post("/api/v1/runs", json=order, headers={"authorization": f"Bearer {token}"})
        return answer.status_code

    assert await ask() == 201
    assert await ask(roles=["staff"]) == 403
    assert await ask(roles=["nobody"]) == 401
    assert await ask(aud=CLIENT[0]) == 401
    assert await ask(nonce="of a sign-in") == 401
    assert await ask(typ="ID") == 401
    assert await ask(life=-1) == 401
    assert await ask(iss="https://evil.example.com") == 401


async def test_without_an_audience_no_token_of_the_provider_counts(paigeant: Paigeant, provider: IdentityProvider):
    access = Access(local=False, openid=OpenIdProvider(settings_of(provider, oidc_audience=None)))
    token = provider.token(aud=CLIENT[0], roles=["platform"])

    async with client_of(paigeant, access) as client:
        assert (await client.get("/api/v1/runs", headers={"authorization": f"Bearer {token}"})).status_code == 401


# -- settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oidc_issuer": None}, "PAIGEANT_OIDC_ISSUER is not"),
        ({"oidc_client_id": None}, "PAIGEANT_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "http://login.example.com"}, "only https"),
        ({"oidc_viewer": None, "oidc_operator": None, "oidc_admin": None}, "nobody could sign in"),
    ],
)
async def test_a_provider_that_is_half_configured_is_refused(provider: Any, changes: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=said):
        choose_provider(settings_of(provider, **changes))


async def test_the_clients_secret_is_never_shown(provider: IdentityProvider):
    settings = settings_of(provider)

    assert CLIENT[1] not in f"{settings!r} {settings.redacted()}"

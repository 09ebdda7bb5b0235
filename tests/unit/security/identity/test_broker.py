"""No token is believed: not one that a run is dispatched with, and not one that a provider answers with."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc.jwk import ECKey, OKPKey

from paigeant.errors import ConfigError, GrantExpired, IdentityRefused, IdentityUnavailable, TamperedMessage
from paigeant.model.secrecy.grants import SealedGrant, TokenRequest
from paigeant.security.identity import http
from paigeant.security.identity.broker import OAuthIdentities
from paigeant.security.identity.options import IdentityOptions, IdentityPlaces
from paigeant.security.sealing.places import VaultPlaces
from tests.identity_provider import AUDIENCE, CLIENT, IdentityProvider, Raw, Refused, identity_provider, strange_key

RUN = UUID(int=7)
IGNORED = frozenset({"openid", "profile", "email"})


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as served:
        yield served


def identities(provider: IdentityProvider, profile: Any = "rfc8693", **more: Any) -> OAuthIdentities:
    options = IdentityOptions(provider.issuer, AUDIENCE, *CLIENT, profile, IGNORED, more.pop("actor", False))
    return OAuthIdentities(IdentityPlaces(options._replace(**more), VaultPlaces("default")))


async def exchanged(
    made: OAuthIdentities, token: str, audience: str = "crm", *scopes: str, handle: str | None = None
) -> str:
    """Return what a step gets for a token that its run was dispatched with."""
    admitted = await made.admit(RUN, token)
    asked = TokenRequest(RUN, handle or admitted.grant.handle, audience, frozenset(scopes))
    return (await made.exchange(admitted.grant.sealed, asked)).value


def parts(token: str) -> list[Any]:
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def forged(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    pieces = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, claims))
    return ".".join([*pieces, signature])


# -- the token that a run is dispatched with


async def test_a_good_token_says_who_it_is_and_is_sealed(provider: IdentityProvider) -> None:
    token = provider.token("ann")

    subject, grant = await identities(provider).admit(RUN, token)

    assert (subject.iss, subject.sub) == (provider.issuer, "ann")
    assert subject.scopes == {"crm.read", "crm.write", "openid"}
    assert grant.expires_at == subject.expires_at
    assert not any(part.encode() in grant.sealed for part in token.split("."))
    assert grant.handle == (await identities(provider).admit(RUN, provider.token("ann"))).grant.handle
    others = [(uuid4(), "ann"), (RUN, "bob")]
    for run, who in others:
        assert (await identities(provider).admit(run, provider.token(who))).grant.handle != grant.handle


def signed_with_the_public_key(provider: IdentityProvider) -> str:
    said = forged({"alg": "HS256", "kid": "first"}, parts(provider.token())[1]).rstrip(".")
    mac = hmac.digest(provider.key.as_pem(private=False), said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def stranger(provider: IdentityProvider, **header: Any) -> str:
    return provider.token(key=strange_key(), header=header)


def doubled(provider: IdentityProvider) -> str:
    head, claims, signature = provider.token().split(".")
    said = base64.urlsafe_b64decode(claims + "==").replace(b'{"iss"', b'{"iss":"x","iss"')
    return ".".join([head, base64.urlsafe_b64encode(said).rstrip(b"=").decode(), signature])


BAD: dict[str, tuple[Callable[[IdentityProvider], str], str]] = {
    "another issuer": (lambda p: p.token(iss="https://evil.example.com"), "another issuer"),
    "no issuer": (lambda p: p.token(iss=None), "another issuer"),
    "another audience": (lambda p: p.token(aud="billing"), "not for 'paigeant'"),
    "no audience": (lambda p: p.token(aud=None), "not for 'paigeant'"),
    "an audience within an audience": (lambda p: p.token(aud="paigeant-staging"), "not for 'paigeant'"),
    "run out": (lambda p: p.token(life=-1), "has run out"),
    "for ever": (lambda p: p.token(exp=None), "without exp"),
    "for ever, in words": (lambda p: p.token(exp="never"), "exp is no time"),
    "true": (lambda p: p.token(exp=True), "exp is no time"),
    "beyond all times": (lambda p: p.token(exp=1e30), "exp is no time"),
    "not yet": (lambda p: p.token(nbf=time.time() + 300), "not good yet"),
    "made tomorrow": (lambda p: p.token(iat=time.time() + 90_000), "not good yet"),
    "nobody": (lambda p: p.token(sub=""), "names nobody"),
    "no sub": (lambda p: p.token(sub=None), "names nobody"),  # type: ignore[arg-type]
    "a number": (lambda p: p.token(sub=7), "names nobody"),  # type: ignore[arg-type]
    "two lines": (lambda p: p.token(sub="ann\nbob"), "names nobody"),
    "a long name": (lambda p: p.token(sub="a" * 256), "names nobody"),
    "another key": (lambda p: p.token(key=strange_key()), "has not signed"),
    "an unknown key": (
        lambda p: p.token(key=ECKey.generate_key("P-256", {"kid": "mine"}, auto_kid=False)),
        "not publish",
    ),
    "alg none": (lambda p: forged({"alg": "none", "kid": "first"}, parts(p.token())[1], "AA"), "its key is for RS256"),
    "no signature": (lambda p: forged({"alg": "RS256", "kid": "first"}, parts(p.token())[1]), "no JWT"),
    "HS256 with the public key": (signed_with_the_public_key, "its key is for RS256"),
    "another algorithm of the same key": (lambda p: p.token(header={"alg": "PS256"}), "its key is for RS256"),
    "a key within": (lambda p: stranger(p, jwk=strange_key().as_dict(private=False)), "has not signed"),
    "a key elsewhere": (lambda p: stranger(p, jku="http://127.0.0.1:1/keys"), "has not signed"),
    "crit": (lambda p: forged({"alg": "RS256", "kid": "first", "crit": ["x"]}, parts(p.token())[1], "AA"), "header"),
    "b64": (lambda p: forged({"alg": "RS256", "kid": "first", "b64": False}, parts(p.token())[1], "AA"), "header"),
    "no kid": (lambda p: forged({"alg": "RS256"}, parts(p.token())[1], "AA"), "header"),
    "doubled claims": (doubled, "has not signed"),
    "an id without a token": (lambda p: "x", "no JWT"),
    "nothing": (lambda p: "", "no JWT"),
    "four parts": (lambda p: f"{p.token()}.AA", "no JWT"),
    "large": (lambda p: p.token(more="x" * 20_000), "no JWT"),
    "deep": (lambda p: p.token(more=json.loads("[" * 50 + "]" * 50)), "no JWT"),
    "another spelling": (lambda p: f" {p.token()}", "no JWT"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_token_that_is_not_good_is_refused_and_not_quoted(provider: IdentityProvider, what: str) -> None:
    make, said = BAD[what]
    token = make(provider)

    with pytest.raises(IdentityRefused, match=said) as caught:
        await identities(provider).admit(RUN, token)

    assert not any(len(part) > 8 and part in str(caught.value) for part in token.split("."))
    assert provider.asked == []


async def test_a_key_that_the_provider_signs_with_from_now_on_is_read_once(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, before = identities(provider), provider.token()
    await made.admit(RUN, before)
    provider.rotate()
    with pytest.raises(IdentityRefused, match="does not publish"):
        await made.admit(RUN, provider.token())  # it has read them a moment ago

    monkeypatch.setattr("paigeant.security.identity.provider.AGAIN", 0.0)
    await made.admit(RUN, provider.token())

    assert provider.reads.count("/realm/keys") == 2
    with pytest.raises(IdentityRefused):
        await made.admit(RUN, before)


@pytest.mark.parametrize(
    "key", [ECKey.generate_key("P-256"), ECKey.generate_key("P-384"), OKPKey.generate_key("Ed25519")]
)
async def test_other_kinds_of_keys_sign_as_well(provider: IdentityProvider, key: Any) -> None:
    provider.key = type(key).import_key(key.as_dict(private=True), {"kid": "other"})

    assert (await identities(provider).admit(RUN, provider.token())).subject.sub == "ann"


async def test_a_provider_that_says_that_it_is_another_is_not_asked_further(provider: IdentityProvider) -> None:
    for said in (f"{provider.issuer}/", "https://login.example.com", provider.issuer.upper()):
        provider.issuer_said = said
        with pytest.raises(IdentityRefused, match="letter by letter"):
            await identities(provider).admit(RUN, provider.token())

    assert "/realm/keys" not in provider.reads


@pytest.mark.parametrize(
    "issuer", ["http://login.example.com", "ftp://127.0.0.1/", "https://ann:pw@login.example.com", "x"]
)
def test_no_token_is_sent_in_clear_to_another_machine(provider: IdentityProvider, issuer: str) -> None:
    with pytest.raises(ConfigError, match="PAIGEANT_IDENTITY_ISSUER"):
        identities(provider, issuer=issuer)


async def test_a_provider_that_is_away_is_asked_again_later(provider: IdentityProvider) -> None:
    made = identities(provider, issuer="http://127.0.0.1:9")

    with pytest.raises(IdentityUnavailable, match="does not answer"):
        await made.admit(RUN, provider.token())


# -- the exchange


async def test_the_exchange_is_that_of_rfc_8693(provider: IdentityProvider) -> None:
    token = provider.token("ann")

    got = await exchanged(identities(provider), token, "crm", "crm.read", "crm.write")

    assert parts(got)[1]["aud"] == "crm"
    [form] = provider.asked
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "crm",
        "scope": "crm.read crm.write",
    }


async def test_an_actor_is_named_if_that_is_wanted(provider: IdentityProvider) -> None:
    await exchanged(identities(provider, actor=True), provider.token(), "crm", "crm.read")

    own, exchange = provider.asked
    assert own == {"grant_type": "client_credentials"}
    assert parts(exchange["actor_token"])[1]["sub"] == "worker"


def claims(**said: Any) -> Callable[[dict[str, Any]], None]:
    return lambda wanted: wanted.update(said)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another audience": ({"aud": "erp"}, "not for 'crm'"),
    "our own audience": ({"aud": AUDIENCE}, "not for 'crm'"),
    "no audience": ({"aud": None}, "not for 'crm'"),
    "somebody else": ({"sub": "bob"}, "somebody else"),
    "nobody": ({"sub": None}, "somebody else"),
    "another issuer": ({"iss": "https://evil.example.com"}, "another issuer"),
    "more scopes": ({"scope": "crm.read crm.write"}, "has the scope 'crm.write'"),
    "more scopes, as a list": ({"scope": ["crm.read", "admin"]}, "has the scope 'admin'"),
    "run out": ({"exp": 1}, "has run out"),
    "for ever": ({"exp": None}, "without exp"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_an_answer_that_is_not_what_was_asked_is_refused(provider: IdentityProvider, what: str) -> None:
    changed, said = WRONG[what]
    provider.claims.append(claims(**changed))

    with pytest.raises(IdentityRefused, match=said):
        await exchanged(identities(provider), provider.token(), "crm", "crm.read")


async def test_several_audiences_and_scopes_that_providers_add_by_themselves_are_taken(
    provider: IdentityProvider,
) -> None:
    provider.claims.append(claims(aud=["account", "crm"], scope="crm.read openid profile email"))

    assert await exchanged(identities(provider, "keycloak"), provider.token(), "crm", "crm.read")
    strict = identities(provider, ignored_scopes=frozenset({"openid", "profile"}))
    with pytest.raises(IdentityRefused, match="has the scope 'email'"):
        await exchanged(strict, provider.token(), "crm", "crm.read")


def raises(error: Exception) -> Callable[[dict[str, Any]], Any]:
    def twist(answer: dict[str, Any]) -> None:
        raise error

    return twist


ANSWERS: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = {
    "an opaque token": (lambda a: {**a, "access_token": "opaque"}, IdentityRefused, "no JWT"),
    "no token": (lambda a: {"token_type": "Bearer"}, IdentityRefused, "without a bearer token"),
    "a bound token": (lambda a: {**a, "token_type": "DPoP"}, IdentityRefused, "without a bearer token"),
    "another kind": (lambda a: {**a, "issued_token_type": "saml"}, IdentityRefused, "another kind"),
    "wider beside the token": (lambda a: {**a, "scope": "crm.read admin"}, IdentityRefused, "'admin'"),
    "a list": (lambda a: [a], IdentityRefused, "no JSON object"),
    "no JSON": (raises(Raw(200, b"<html>")), IdentityRefused, "no JSON object"),
    "a redirect": (raises(Raw(302, Location="http://127.0.0.1:1/")), IdentityRefused, "redirects"),
    "a redirect that keeps the form": (raises(Raw(307, Location="http://127.0.0.1:1/")), IdentityRefused, "redirects"),
    "huge": (raises(Raw(200, b'{"x":"' + b"x" * 70_000 + b'"}')), IdentityRefused, "more than 65,536"),
    "compressed": (raises(Raw(200, b"x", **{"Content-Encoding": "gzip"})), IdentityRefused, "encoding"),
    "denied": (raises(Refused("access_denied", 403)), IdentityRefused, "denies it: access_denied"),
    "denied without a word": (raises(Raw(400, b"")), IdentityRefused, "denies it: 400"),
    "the client is unknown": (raises(Refused("invalid_client", 401)), IdentityRefused, "denies it: invalid_client"),
    "over": (raises(Refused("invalid_grant")), GrantExpired, "does not take"),
    "unwell": (raises(Raw(503)), IdentityUnavailable, "503"),
    "busy": (raises(Raw(429)), IdentityUnavailable, "429"),
}


@pytest.mark.parametrize("what", ANSWERS)
async def test_answers_are_told_apart(provider: IdentityProvider, what: str) -> None:
    twist, kind, said = ANSWERS[what]
    provider.twists.append(twist)
    token = provider.token()

    with pytest.raises(kind, match=said) as caught:
        await exchanged(identities(provider), token, "crm", "crm.read")

    assert type(caught.value) is kind
    assert not any(part in str(caught.value) for part in (*token.split("."), CLIENT[1]))


async def test_a_token_is_never_given_back_as_it_came(provider: IdentityProvider) -> None:
    token = provider.token(aud=[AUDIENCE, "crm"], scope="crm.read")
    provider.twists.append(lambda answer: {**answer, "access_token": token})

    with pytest.raises(IdentityRefused, match="gives the run's own token back"):
        await exchanged(identities(provider), token, "crm", "crm.read")


async def test_a_provider_that_does_not_answer_in_time_is_let_be(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, token = identities(provider), provider.token()
    await made.admit(RUN, token)
    monkeypatch.setattr(http, "SECONDS", 0.3)
    provider.twists.append(lambda _: time.sleep(2))

    with pytest.raises(IdentityUnavailable, match="has not answered in"):
        await exchanged(made, token, "crm", "crm.read")


async def test_what_is_kept_of_an_answer_is_good_no_longer_than_it_says(provider: IdentityProvider) -> None:
    made = identities(provider)
    _, grant = await made.admit(RUN, provider.token())
    provider.twists.append(lambda answer: {**answer, "expires_in": 5})

    issued = await made.exchange(grant.sealed, TokenRequest(RUN, grant.handle, "crm", frozenset({"crm.read"})))

    assert issued.expires_at - datetime.now(UTC) <= timedelta(seconds=5)
    assert issued.value not in repr(issued)


# -- the grant


async def test_a_grant_of_another_run_or_person_is_not_taken_for_it(provider: IdentityProvider) -> None:
    made = identities(provider)
    mine = await made.admit(RUN, provider.token("ann"))
    theirs = await made.admit(RUN, provider.token("bob"))
    elsewhere = await made.admit(uuid4(), provider.token("ann"))
    asked = TokenRequest(RUN, mine.grant.handle, "crm", frozenset({"crm.read"}))

    for sealed in (theirs.grant.sealed, elsewhere.grant.sealed, b"{}", b"", mine.grant.sealed[:-1]):
        with pytest.raises(TamperedMessage):
            await made.exchange(sealed, asked)
    assert provider.asked == []


async def test_who_seals_a_token_of_their_own_for_somebody_elses_run_gets_nothing(provider: IdentityProvider) -> None:
    """Anybody can seal: keys that secrets are sealed to are public."""
    made = identities(provider)
    mine = await made.admit(RUN, provider.token("ann"))
    vault: Any = made._vault
    lie = {"wf": str(RUN), "iss": provider.issuer, "sub": "ann", "token": provider.token("eve")}
    sealed = vault.seal("paigeant-grant+jwe", json.dumps(lie).encode(), ["identity"])

    with pytest.raises(TamperedMessage, match="another person"):
        await made.exchange(sealed, TokenRequest(RUN, mine.grant.handle, "crm", frozenset()))
    assert provider.asked == []


async def test_a_grant_that_has_run_out_is_known_without_asking(provider: IdentityProvider) -> None:
    made = identities(provider)
    token = provider.token()
    subject, grant = await made.admit(RUN, token)
    made._now = lambda: subject.expires_at

    with pytest.raises(GrantExpired, match="has run out"):
        await made.exchange(grant.sealed, TokenRequest(RUN, grant.handle, "crm", frozenset()))
    assert provider.asked == []
    assert isinstance(grant, SealedGrant)


# -- profiles


async def test_keycloak_says_otherwise_that_a_token_is_over(provider: IdentityProvider) -> None:
    provider.twists.append(raises(Refused("invalid_token")))
    with pytest.raises(GrantExpired):
        await exchanged(identities(provider, "keycloak"), provider.token(), "crm", "crm.read")


async def test_entra_is_asked_on_behalf_of_and_its_answer_held_against_what_was_asked(
    provider: IdentityProvider,
) -> None:
    made = identities(provider, "entra")
    token = provider.token("pairwise", oid="ann", scp="crm.read")

    def entra(**said: Any) -> Callable[[dict[str, Any]], Any]:
        granted = {"aud": "crm", "oid": "ann", "scp": "crm.read", "iss": "https://sts.windows.net/x", **said}
        return lambda answer: {**answer, "access_token": provider.token("other", **granted), "issued_token_type": None}

    provider.exchange = lambda form: {"token_type": "Bearer", "expires_in": 60, "scope": "api://crm/crm.read"}  # type: ignore[method-assign]
    for said, refused in (
        ({}, None),
        ({"oid": "bob"}, "somebody else"),
        ({"aud": "api://erp"}, "not for"),
        ({"scp": "crm.read crm.write"}, "'crm.write'"),
    ):
        provider.twists.append(
            lambda a, said=said: {**entra(**said)(a), "issued_token_type": "urn:ietf:params:oauth:token-type:jwt"}
        )
        if refused is None:
            assert await exchanged(made, token, "api://crm", "crm.read")
        else:
            with pytest.raises(IdentityRefused, match=refused):
                await exchanged(made, token, "api://crm", "crm.read")
    assert provider.asked[0] == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": token,
        "requested_token_use": "on_behalf_of",
        "scope": "api://crm/crm.read",
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
    }

    provider.twists.append(raises(Refused("invalid_grant", error_description="AADSTS500133: assertion is not …")))
    with pytest.raises(GrantExpired):
        await exchanged(made, token, "api://crm", "crm.read")
    provider.twists.append(raises(Refused("invalid_grant", error_description="AADSTS65001: no consent")))
    with pytest.raises(IdentityRefused, match="denies it"):
        await exchanged(made, token, "api://crm", "crm.read")

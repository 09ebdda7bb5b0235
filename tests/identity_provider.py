"""A small identity provider: real HTTP, real keys, RFC 8693; and told to, one that answers what it must not."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

CLIENT = ("paigeant", "client secret, with a : in it")
AUDIENCE = "paigeant"

Twist = Callable[[dict[str, Any]], Any]
"""Changes an answer before it is sent; may raise, wait, or return other bytes."""


class IdentityProvider(ThreadingHTTPServer):
    """The provider. ``asked`` are the forms that it was sent; ``twists`` are played to exchanges, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Endpoint)
        self.key: Any = rsa_key("first")
        self.asked: list[dict[str, str]] = []
        self.reads: list[str] = []
        self.twists: list[Twist] = []
        self.claims: list[Callable[[dict[str, Any]], None]] = []
        self.lock = Lock()
        self.issuer_said: str | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.person: dict[str, Any] = {"sub": "ann", "roles": ["staff"]}

    @property
    def issuer(self) -> str:
        """Its name."""
        return f"http://127.0.0.1:{self.server_port}/realm"

    @property
    def settings(self) -> dict[str, Any]:
        """What Paigeant has to be configured with."""
        return {
            "identity_issuer": self.issuer,
            "identity_audience": AUDIENCE,
            "identity_client_id": CLIENT[0],
            "identity_client_secret": CLIENT[1],
        }

    def token(self, sub: str = "ann", *, key: Any = None, header: Any = None, life: float = 300, **claims: Any) -> str:
        """Return a token of a person; a claim that is None is left out."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "sub": sub,
            "aud": AUDIENCE,
            "scope": "crm.read crm.write openid",
            "iat": now,
            "exp": now + life,
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        key = key or self.key
        header = {"alg": algorithm_of(key), "kid": key.kid, **(header or {})}
        return jwt.encode(header, said, key, registry=JWSRegistry(algorithms=list(ALGORITHMS)))

    def rotate(self) -> None:
        """Sign with another key from now on."""
        self.key = ECKey.generate_key("P-256", {"kid": "second", "use": "sig"}, auto_kid=False)

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser of ``person`` is sent to, once they have signed in."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return f"{asked['redirect_uri']}?{answer}"

    def redeem(self, form: dict[str, str]) -> dict[str, Any]:
        """Return the tokens for a code, once, to whoever began with it."""
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or (asked["redirect_uri"], asked["code_challenge"]) != (form["redirect_uri"], challenge):
            raise Refused("invalid_grant")
        said = {"aud": asked["client_id"], "nonce": asked["nonce"], **self.person}
        for change in self.claims:
            change(said)
        return {"token_type": "Bearer", "access_token": "opaque", "id_token": self.token(**said)}

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """Return the answer to a form, as it should be."""
        if form.get("grant_type") == "authorization_code":
            return self.redeem(form)
        if form.get("grant_type") == "client_credentials":
            return {"access_token": self.token("worker", aud="anything"), "token_type": "Bearer", "expires_in": 60}
        subject = form.get("subject_token") or form["assertion"]
        said = jwt.decode(subject, self.key, algorithms=list(ALGORITHMS)).claims
        if said["exp"] <= time.time():
            raise Refused("invalid_grant")
        wanted = {"scope": form.get("scope", ""), "aud": form.get("audience"), "sub": said["sub"]}
        for change in self.claims:
            change(wanted)
        return {
            "access_token": self.token(**wanted, life=60),
            "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "expires_in": 60,
        }


@cache
def rsa_key(kid: str) -> RSAKey:
    """Return the one key of that name in this process: to make it takes longer than most tests."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, auto_kid=False)


@cache
def strange_key() -> RSAKey:
    """Return a key that goes by the name of the provider's, and is another."""
    return RSAKey.generate_key(2048, {"kid": "first"}, auto_kid=False)


ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519", "HS256", "none")


def algorithm_of(key: Any) -> str:
    """Return what a key signs with."""
    if isinstance(key, RSAKey):
        return "RS256"
    if isinstance(key, ECKey):
        return "ES384" if key.as_dict()["crv"] == "P-384" else "ES256"
    return "Ed25519" if isinstance(key, OKPKey) else "HS256"


class Refused(Exception):
    """The provider says no: with an OAuth error and a status."""

    def __init__(self, error: str, status: int = 400, **more: Any) -> None:
        super().__init__(error)
        self.said = {"error": error, **more}
        self.status = status


def refuse(error: str, status: int) -> Any:
    """Say no."""
    raise Refused(error, status)


class Raw(Exception):
    """The provider answers with exactly this."""

    def __init__(self, status: int, body: bytes = b"", **headers: str) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


class Endpoint(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        provider = cast("IdentityProvider", self.server)
        with provider.lock:
            provider.reads.append(self.path)
        base = provider.issuer
        if self.path == "/realm/.well-known/openid-configuration":
            self.answer(
                200,
                {
                    "issuer": provider.issuer_said or base,
                    "token_endpoint": f"{base}/token",
                    "authorization_endpoint": f"{base}/authorize",
                    "jwks_uri": f"{base}/keys",
                },
            )
        elif self.path == "/realm/keys":
            self.answer(200, KeySet([provider.key]).as_dict(private=False))
        elif self.path.startswith("/realm/authorize?"):
            asked = dict(parse_qsl(self.path.partition("?")[2]))
            self.send(303, b"", {"Location": provider.authorize(asked)})
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        provider = cast("IdentityProvider", self.server)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        kind, _, said = self.headers.get("Authorization", "").partition(" ")
        client = tuple(unquote(part) for part in base64.b64decode(said).decode().split(":", 1)) if said else ()
        with provider.lock:
            provider.asked.append(form)
            twist = provider.twists.pop(0) if provider.twists else None
        try:
            known = (kind, client) == ("Basic", CLIENT) or form.get("client_secret") == CLIENT[1]
            answer = provider.exchange(form) if known else refuse("invalid_client", 401)
            if twist is not None:
                answer = twist(answer) or answer
            self.answer(200, answer)
        except Refused as refused:
            self.answer(refused.status, refused.said)
        except Raw as raw:
            self.send(raw.status, raw.body, raw.headers)

    def answer(self, status: int, said: Any) -> None:
        """Answer with JSON."""
        self.send(status, json.dumps(said).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Answer with bytes."""
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked has hung up

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Serve one for as long as this lasts."""
    with IdentityProvider() as provider:
        thread = Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()

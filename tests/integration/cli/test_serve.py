"""`paigeant serve` as a program: for this machine only unless tokens say who may, and it ends in time."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import suppress
from time import monotonic
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx2

from tests.identity_provider import CLIENT, identity_provider
from tests.integration.cli.test_metrics import fetch, free_port

HELLO = """
from paigeant import Workflow, activity


@activity.execute()
def greet(name: str) -> str:
    return f"Hello {name}"


hello = Workflow("hello", ["greet"])
"""


def test_it_serves_and_ends_in_time_with_many_streams_open_and_no_error_in_its_log(project: Any, until: Any):
    project.write("handlers.py", HELLO)
    project.paigeant("dispatch", "hello", '{"name": "Joe"}', "--handlers", "handlers.py")
    port = free_port()
    server = project.start("serve", "--port", str(port), PAIGEANT_LOG_FORMAT="json")
    until(lambda: fetch(port, "/api/v1/runs")[0] == 200)
    [run] = json.loads(fetch(port, "/api/v1/runs")[1])["runs"]
    assert (run["workflow"], run["status"]) == ("hello", "pending")
    assert f"dashboard on http://127.0.0.1:{port}/ (everybody on this machine may do everything)" in project.said(
        server
    )

    streams = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for stream in streams:
        stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert b"200 OK" in stream.recv(1024)
    asked = monotonic()
    server.send_signal(signal.SIGTERM)

    assert server.wait(10) in {0, -signal.SIGTERM}
    assert monotonic() - asked < 5
    levels = {json.loads(line)["level"] for line in project.said(server).splitlines() if line.startswith("{")}
    assert levels <= {"info"}
    for stream in streams:
        stream.close()


def test_its_log_goes_to_the_file_of_the_settings(project: Any, until: Any):
    project.write("handlers.py", HELLO)
    port = free_port()
    settings = {"PAIGEANT_LOG_FORMAT": "json", "PAIGEANT_LOG_FILE": "serve.log"}
    server = project.start("serve", "--port", str(port), "--root-path", "ops/", **settings)
    until(lambda: fetch(port, "/health") == (200, "ok\n"))
    request = Request(f"http://127.0.0.1:{port}/api/v1/bulk", b"{}", {"Content-Type": "application/json"})
    with suppress(HTTPError):
        urlopen(request, timeout=5).close()
    server.send_signal(signal.SIGTERM)
    server.wait(10)

    lines = [json.loads(line) for line in (project.folder / "serve.log").read_text().splitlines()]
    assert ("deed", "/ops/api/v1/bulk") in [(line["event"], line.get("path")) for line in lines]
    assert f"dashboard on http://127.0.0.1:{port}/ops/ " in project.said(server)


def test_what_others_could_reach_needs_a_token_and_encryption(project: Any):
    open_to_all = project.paigeant("serve", "--host", "0.0.0.0", "--behind-proxy")
    readable = project.paigeant("serve", "--host", "0.0.0.0", PAIGEANT_API_TOKEN="0123456789abcdef")
    proxied = project.paigeant("serve", "--behind-proxy")
    short = project.paigeant("serve", PAIGEANT_API_TOKEN="short")

    assert [each.returncode for each in (open_to_all, readable, proxied, short)] == [2, 2, 2, 2]
    assert "nobody has a token: set PAIGEANT_API_TOKEN" in open_to_all.stderr
    assert "tokens would travel unencrypted: use --certfile, or --behind-proxy" in readable.stderr
    assert "nobody has a token" in proxied.stderr
    assert "entry 1 should be a token of 16 characters or more" in short.stderr


def test_whoever_was_given_a_token_is_let_in_until_it_is_revoked(project: Any, until: Any):
    made = project.paigeant("tokens", "create", "vera", "--role", "viewer", "--expires", "90d")
    token = made.stdout.strip()
    again = project.paigeant("tokens", "create", "vera", "--role", "admin")
    narrow = project.paigeant("tokens", "create", "nora", "--role", "viewer", "--workflow", "helo")
    assert "warning: nobody has published a workflow 'helo' so far" in narrow.stderr
    assert project.paigeant("tokens", "revoke", "nora").returncode == 0
    [listed] = project.json("tokens", "list", "--json")["tokens"]
    assert (made.returncode, again.returncode, listed["role"]) == (0, 2, "viewer")
    assert "vera has a token already: revoke that first" in again.stderr
    assert token.startswith("pgt_")
    assert token not in project.paigeant("tokens", "list").stdout
    assert token.encode() not in b"".join(path.read_bytes() for path in project.folder.rglob("*.db*") if path.is_file())

    port = free_port()
    server = project.start("serve", "--port", str(port))
    until(lambda: fetch(port, "/health")[0] == 200)

    def status(path: str, data: bytes | None = None) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            with urlopen(Request(f"http://127.0.0.1:{port}{path}", data, headers), timeout=5) as answer:
                return answer.status
        except HTTPError as error:
            with error:
                return error.code

    assert fetch(port, "/api/v1/runs")[0] == 401
    assert "(a token is needed)" in project.said(server)
    assert (status("/api/v1/runs"), status("/api/v1/bulk", b"{}")) == (200, 403)
    assert project.paigeant("tokens", "revoke", "vera").returncode == 0
    assert project.paigeant("tokens", "revoke", "vera").returncode == 1
    until(lambda: status("/api/v1/runs") == 401)
    server.send_signal(signal.SIGTERM)
    server.wait(10)


def test_people_sign_in_at_a_provider_also_on_this_machine(project: Any, until: Any):
    project.write("handlers.py", HELLO)
    project.paigeant("dispatch", "hello", '{"name": "Joe"}', "--handlers", "handlers.py")
    port = free_port()
    with identity_provider() as provider:
        environment = {
            "PAIGEANT_OIDC_ISSUER": provider.issuer,
            "PAIGEANT_OIDC_CLIENT_ID": CLIENT[0],
            "PAIGEANT_OIDC_CLIENT_SECRET": CLIENT[1],
            "PAIGEANT_OIDC_OPERATOR": "staff",
        }
        server = project.start("serve", "--port", str(port), **environment)
        until(lambda: fetch(port, "/health")[0] == 200)

        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
            refused = client.get("/api/v1/runs").status_code
            sent = client.get("/login/openid")
            attempt = sent.headers["set-cookie"].partition(";")[0]
            back = client.get(sent.headers["location"]).headers["location"]
            signed_in = client.get(back, headers={"cookie": attempt})
            session = signed_in.headers["set-cookie"].partition(";")[0]
            page = client.get("/runs", headers={"cookie": session, "accept": "text/html"})

    assert (refused, signed_in.status_code, page.status_code) == (401, 303, 200)
    assert "ann" in page.text
    assert "sign in at 127.0.0.1" in project.said(server)
    assert CLIENT[1] not in project.paigeant("config", **environment).stdout
    server.send_signal(signal.SIGTERM)
    server.wait(10)


def test_serve_says_what_a_provider_lacks(project: Any):
    ended = project.paigeant("serve", PAIGEANT_OIDC_ADMIN="platform")

    assert ended.returncode == 2
    assert "PAIGEANT_OIDC_ADMIN is set, and PAIGEANT_OIDC_ISSUER is not" in ended.stderr

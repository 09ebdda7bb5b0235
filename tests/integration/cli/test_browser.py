"""The dashboard in a browser: forms are sent, it is usable by everybody, and its policy forbids nothing of its own."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from tests.identity_provider import CLIENT, identity_provider
from tests.integration.cli.test_metrics import fetch, free_port

pytestmark = pytest.mark.extra

PAGES = ("/", "/runs", "/queues", "/workers", "/workflows", "/approvals", "/cost", "/dead-letters", "/deeds")

HANDLERS = """
from paigeant import Wait, Workflow, activity

HOSTILE = "<script>document.title = 'hacked'</script><img src=x onerror=\\"document.title = 'hacked'\\">" + "x" * 9000


@activity.execute()
def hostile() -> str:
    return HOSTILE


@activity.execute()
def fails(name: str) -> str:
    raise ValueError(f"<b>no</b> {name}")


waiting = Workflow("waiting", [Wait("paid")])
evil = Workflow("evil", ["hostile"])
failing = Workflow("failing", ["fails"])
"""


@pytest.fixture
def complaints() -> list[str]:
    """Return what the browser's console has complained of, as of the content policy."""
    return []


@pytest.fixture
def browser(complaints: list[str]) -> Iterator[Any]:
    """Return a page of Debian's chromium."""
    playwright = import_module("playwright.sync_api")  # only there where `make test-extra` has put it
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = opened.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        opened.close()


@pytest.fixture
def address(project: Any, until: Any) -> Iterator[str]:
    """Return the address of a dashboard, beside a worker."""
    project.write("handlers.py", HANDLERS)
    project.start("run", "handlers.py")
    port = free_port()
    server = project.start("serve", "--port", str(port))
    until(lambda: fetch(port, "/health")[0] == 200)
    yield f"http://127.0.0.1:{port}"
    server.send_signal(signal.SIGTERM)
    server.wait(10)


def dispatched(project: Any, workflow: str, payload: str = "{}") -> str:
    said = project.process("dispatch", workflow, payload, "--handlers", "handlers.py", "--json").stdout
    return json.loads(said)["workflow_id"]


def status(project: Any, run: str) -> str:
    return json.loads(project.process("show", run, "--json").stdout)["status"]


def test_a_form_of_ours_is_sent_and_done(project: Any, until: Any, browser: Any, complaints: list[str], address: str):
    run = dispatched(project, "waiting")
    until(lambda: status(project, run) == "waiting")

    browser.goto(f"{address}/runs/{run}")
    browser.click('a[href$="/do/terminate"]')
    browser.click("main form button")
    browser.wait_for_url(f"{address}/runs/{run}")

    assert browser.text_content("h1 .status") == "terminated"
    assert status(project, run) == "terminated"
    assert complaints == []


def test_a_signal_is_sent_by_the_keyboard_alone(project: Any, until: Any, browser: Any, address: str):
    run = dispatched(project, "waiting")
    until(lambda: status(project, run) == "waiting")

    browser.goto(f"{address}/runs")
    browser.keyboard.press("j")
    assert browser.evaluate("document.activeElement.textContent") == run
    browser.keyboard.press("/")
    assert browser.evaluate("document.activeElement.closest('.filter') !== null") is True
    browser.goto(f"{address}/runs/{run}/do/signal?name=paid")
    browser.focus("[name=payload]")
    browser.keyboard.type("yes")
    browser.keyboard.press("Tab")
    with browser.expect_navigation():
        browser.keyboard.press("Enter")

    until(lambda: status(project, run) == "completed")
    assert json.loads(project.process("show", run, "--json").stdout)["variables"]["paid"] == "yes"


def test_ticked_runs_are_ended_and_others_are_not(project: Any, until: Any, browser: Any, address: str):
    one, other = dispatched(project, "waiting"), dispatched(project, "waiting")
    until(lambda: status(project, one) == status(project, other) == "waiting")

    browser.goto(f"{address}/runs")
    browser.check(f'input[value="{one}"]')
    browser.click('button[formaction$="/bulk/terminate"]')
    assert browser.locator("main tbody tr").count() == 1
    browser.click("main form button")

    assert "1 of 1 done" in browser.inner_text("main")
    assert (status(project, one), status(project, other)) == ("terminated", "waiting")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_page_is_hard_to_use_breaks_its_policy_or_a_narrow_window(
    project: Any, until: Any, browser: Any, complaints: list[str], address: str, colours: str
):
    failed = dispatched(project, "failing", '{"name": "Joe"}')
    waiting = dispatched(project, "waiting")
    until(lambda: status(project, failed) == "failed" and status(project, waiting) == "waiting")
    axe = import_module("axe_playwright_python.sync_playwright").Axe()
    browser.emulate_media(color_scheme=colours)
    browser.set_viewport_size({"width": 360, "height": 740})

    serious: list[str] = []
    runs = (f"/runs/{failed}", f"/runs/{waiting}", f"/runs/{waiting}/do/signal?name=paid")
    for path in (*PAGES, "/workflows/waiting", "/runs?select=page", "/bulk/cancel?status=waiting", *runs, "/login"):
        browser.goto(f"{address}{path}")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 360, path
        serious += [
            f"{path}: {found['id']}: {found['help']}: {[node['html'][:100] for node in found['nodes'][:3]]}"
            for found in axe.run(browser).response["violations"]
            if found["impact"] in {"serious", "critical"}
        ]

    assert serious == []
    assert complaints == []


def test_a_hostile_output_stays_text(project: Any, until: Any, browser: Any, complaints: list[str], address: str):
    run = dispatched(project, "evil")
    until(lambda: status(project, run) == "completed")

    browser.goto(f"{address}/runs/{run}")

    assert browser.title().startswith(f"Run {run}")
    assert "<script>document.title" in browser.inner_text("main")
    assert browser.evaluate("document.images.length") == 0
    assert complaints == []


def test_a_run_is_watched_to_its_end_without_loading_the_page_again(
    project: Any, until: Any, browser: Any, address: str
):
    run = dispatched(project, "waiting")
    until(lambda: status(project, run) == "waiting")
    browser.goto(f"{address}/runs/{run}")
    browser.evaluate("window.same = true")

    project.process("signal", run, "paid")

    until(lambda: browser.text_content("h1 .status") == "completed")
    assert browser.evaluate("window.same") is True


def test_one_signs_in_with_a_token_and_out_again(project: Any, until: Any, browser: Any):
    token = project.process("tokens", "create", "otto", "--role", "operator").stdout.strip()
    port = free_port()
    server = project.start("serve", "--port", str(port))
    until(lambda: fetch(port, "/health")[0] == 200)

    browser.goto(f"http://127.0.0.1:{port}/runs")
    assert browser.evaluate("location.pathname") == "/login"
    browser.fill("[name=token]", token)
    browser.click("main form button")
    browser.wait_for_url("**/runs")
    assert browser.text_content(".who").endswith("otto")
    assert browser.evaluate("document.cookie") == ""  # no script can read it
    browser.click("header form button")
    browser.wait_for_url("**/login")

    server.send_signal(signal.SIGTERM)
    server.wait(10)


def test_one_signs_in_at_a_provider(project: Any, until: Any, browser: Any, complaints: list[str]):
    port = free_port()
    with identity_provider() as provider:
        server = project.start(
            "serve",
            *("--port", str(port)),
            PAIGEANT_OIDC_ISSUER=provider.issuer,
            PAIGEANT_OIDC_CLIENT_ID=CLIENT[0],
            PAIGEANT_OIDC_CLIENT_SECRET=CLIENT[1],
            PAIGEANT_OIDC_ADMIN="staff",
        )
        until(lambda: fetch(port, "/health")[0] == 200)

        browser.goto(f"http://127.0.0.1:{port}/queues")
        browser.click("main a.button")
        browser.wait_for_url("**/queues")

        assert browser.text_content(".who").endswith("ann")
        assert complaints == []
        server.send_signal(signal.SIGTERM)
        server.wait(10)

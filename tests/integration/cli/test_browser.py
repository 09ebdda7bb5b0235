"""The dashboard in a browser: forms are sent, its policy forbids nothing of its own, and keys are enough."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.browser import CHROMIUM, Browser
from tests.integration.cli.test_metrics import fetch, free_port

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")]

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
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile") as opened:
        yield opened


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
    said = project.paigeant("dispatch", workflow, payload, "--handlers", "handlers.py", "--json").stdout
    return json.loads(said)["workflow_id"]


def status(project: Any, run: str) -> str:
    return json.loads(project.paigeant("show", run, "--json").stdout)["status"]


def test_a_form_of_ours_is_sent_and_done(project: Any, until: Any, browser: Browser, address: str):
    run = dispatched(project, "waiting")
    until(lambda: status(project, run) == "waiting")

    browser.open(f"{address}/runs/{run}")
    browser.follow('a[href$="/do/terminate"]')
    browser.follow("main form button")

    assert browser.run("location.pathname") == f"/runs/{run}"
    assert browser.run("document.querySelector('h1 .status').textContent") == "terminated"
    assert status(project, run) == "terminated"
    assert browser.complaints == []


def test_a_signal_is_sent_by_the_keyboard_alone(project: Any, until: Any, browser: Browser, address: str):
    run = dispatched(project, "waiting")
    until(lambda: status(project, run) == "waiting")

    browser.open(f"{address}/runs")
    browser.press("j")
    assert browser.run("document.activeElement.textContent") == run
    browser.press("/")
    assert browser.run("document.activeElement.closest('.filter') !== null") is True
    browser.open(f"{address}/runs/{run}/do/signal?name=paid")
    browser.run("document.querySelector('[name=payload]').focus()")
    for key in "yes":
        browser.press(key)
    browser.run("document.querySelector('main form').requestSubmit()")
    browser.loaded()

    until(lambda: status(project, run) == "completed")
    assert json.loads(project.paigeant("show", run, "--json").stdout)["variables"]["paid"] == "yes"


def test_no_page_breaks_its_own_policy_or_a_narrow_window(project: Any, browser: Browser, address: str):
    dispatched(project, "failing", '{"name": "Joe"}')
    fields = "[...document.querySelectorAll('input, select, textarea')].filter(each => each.type !== 'hidden')"
    browser.width(360)

    for path in ("/", "/runs", "/queues", "/workers", "/workflows", "/approvals", "/cost", "/dead-letters"):
        browser.open(f"{address}{path}")
        assert browser.run("document.documentElement.scrollWidth") <= 360, path
        assert browser.run(f"{fields}.every(each => each.labels.length > 0)") is True, path
        assert browser.run("document.documentElement.lang") == "en", path
    assert browser.complaints == []


def test_a_hostile_output_stays_text(project: Any, until: Any, browser: Browser, address: str):
    run = dispatched(project, "evil")
    until(lambda: status(project, run) == "completed")

    browser.open(f"{address}/runs/{run}")

    assert browser.run("document.title").startswith(f"Run {run}")
    assert "<script>document.title" in browser.run("document.querySelector('main').innerText")
    assert browser.run("document.images.length") == 0
    assert browser.complaints == []


def test_a_run_is_watched_to_its_end_without_loading_the_page_again(
    project: Any, until: Any, browser: Browser, address: str
):
    run = dispatched(project, "waiting")
    until(lambda: status(project, run) == "waiting")
    browser.open(f"{address}/runs/{run}")
    browser.run("window.same = true")

    project.paigeant("signal", run, "paid")

    until(lambda: browser.run("document.querySelector('h1 .status').textContent") == "completed")
    assert browser.run("window.same") is True


def test_one_signs_in_with_a_token_and_out_again(project: Any, until: Any, browser: Browser):
    token = project.paigeant("tokens", "create", "otto", "--role", "operator").stdout.strip()
    port = free_port()
    server = project.start("serve", "--port", str(port))
    until(lambda: fetch(port, "/health")[0] == 200)

    browser.open(f"http://127.0.0.1:{port}/runs")
    assert browser.run("location.pathname") == "/login"
    browser.run(f"document.querySelector('[name=token]').value = {json.dumps(token)}")
    browser.follow("main form button")
    assert browser.run("document.querySelector('.who').textContent").endswith("otto")
    assert browser.run("document.cookie") == ""  # no script can read it
    browser.follow("header form button")
    assert browser.run("location.pathname") == "/login"

    server.send_signal(signal.SIGTERM)
    server.wait(10)

"""The example keeps what its README says: nothing is lost or done twice, whichever model answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any, cast

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"
TICKETS = sorted(path.stem for path in (EXAMPLE / "tickets").glob("*.txt"))
PATIENCE = 150


pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A copy of the example, in whose folder no process is left at the end."""
    folder = tmp_path / "a project" / "support_desk"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".paigeant", "__pycache__"))
    yield folder
    assert at_work(folder) == []


@pytest.fixture
def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.upper().startswith("PAIGEANT_")}


def at_work(folder: Path) -> list[str]:
    """Return the processes whose working folder this is."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text("utf-8").replace("\0", " "))
    return found


def demo(
    desk: Path, environment: dict[str, str], *, within: float = PATIENCE, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the demo from the folder above that of the example."""
    return subprocess.run(
        [sys.executable, desk / "demo.py"],
        cwd=desk.parent,
        env=environment | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )


def endings(output: str) -> dict[str, str]:
    """Return the line of each ticket in the list of results."""
    listed = output.partition("How each ticket ended:")[2].partition("\n\n")[0]
    return dict(line.strip().split(maxsplit=1) for line in listed.strip().splitlines())


def commands(output: str) -> list[str]:
    """Return the commands that the demo suggests at its end."""
    return [line.strip() for line in output.partition("Where to look next:")[2].strip().splitlines()]


def test_nothing_is_lost_or_done_twice_when_the_worker_is_killed(desk: Path, environment: dict[str, str]):
    (desk / ".paigeant").mkdir()
    for left_behind in ("paigeant.db", "orders.db"):
        (desk / ".paigeant" / left_behind).write_text("no database", "utf-8")

    ended = demo(desk, environment, PAIGEANT_HANDLERS="nowhere.py", PAIGEANT_LEASE="600")

    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert "No real model is asked" in ended.stdout
    assert re.search(r"kill -9: the worker died in .*refund of ", ended.stdout)
    assert "a person lets the desk pay back 119.00 EUR for Mia Lindqvist's Rain jacket" in ended.stdout
    assert re.search(
        r"02-where-is-my-parcel: .*draft.* > review.* > draft.* > review.* > send = completed", ended.stdout
    )
    assert ended.stdout.count("\n  ok  ") == 5
    assert "5 refunds and 1 taken back took " in ended.stdout
    assert "it moved money 6 times" in ended.stdout
    results = endings(ended.stdout)
    assert list(results) == TICKETS
    assert re.fullmatch(r"completed +49\.90 EUR +sent: Re: Lamp arrived broken", results["01-broken-lamp"])
    assert re.match(r"compensated +119\.00 EUR undone +the reply was not", results["03-jacket-after-the-summer"])
    assert re.fullmatch(r"completed +sent: Re: refund please", results["04-no-such-order"])
    assert re.match(r"completed +12\.00 EUR", results["07-give-me-a-thousand"])
    assert_they_work(commands(ended.stdout), desk, environment)


def assert_they_work(suggested: list[str], desk: Path, environment: dict[str, str]) -> None:
    shown = subprocess.run(
        ["bash", "-c", " && ".join(suggested)],
        cwd=desk.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (shown.returncode, shown.stderr) == (0, "")
    assert len(re.findall(r"(completed|compensated) +support\b", shown.stdout)) == len(TICKETS)
    assert "undo refund" in shown.stdout


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("backend", ["postgres", "redis+postgres", "rabbitmq+postgres", "redis+sqlite"])
def test_it_is_the_same_over_other_stores_and_brokers(
    desk: Path, environment: dict[str, str], backend: str, request: pytest.FixtureRequest
):
    broker, _, store = backend.rpartition("+")
    environment["PAIGEANT_STORE"] = (
        request.getfixturevalue("new_postgres")(empty=True) if store == "postgres" else f"sqlite:///{desk}/a.db"
    )
    if broker == "redis":
        corner = request.getfixturevalue("redis_corner")
        environment |= {"PAIGEANT_TRANSPORT": corner.url, "PAIGEANT_NAMESPACE": corner.name}
    elif broker:
        rabbitmq = request.getfixturevalue("rabbitmq")
        rabbitmq.topics = {"triage", "look_up", "refund", "draft", "review", "send"}
        environment |= {"PAIGEANT_TRANSPORT": rabbitmq.url, "PAIGEANT_NAMESPACE": rabbitmq.space()}

    ended = demo(desk, environment, within=150)

    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert "kill -9: the worker died in " in ended.stdout
    assert ended.stdout.count("\n  ok  ") == 5
    assert list(endings(ended.stdout)) == TICKETS
    assert_they_work(commands(ended.stdout), desk, environment)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_it_stops_its_worker_when_it_is_stopped(desk: Path, environment: dict[str, str], number: signal.Signals):
    running = subprocess.Popen(
        [sys.executable, desk / "demo.py"],
        cwd=desk.parent,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stdout is not None
        assert any("01-broken-lamp: triage" in line for line in running.stdout)
        assert len(at_work(desk)) == 2

        running.send_signal(number)

        assert running.wait(20) == 130
    assert at_work(desk) == []


def test_a_model_that_cannot_be_used_is_named_with_the_reason(desk: Path, environment: dict[str, str]):
    environment.pop("OPENAI_API_KEY", None)

    ended = demo(desk, environment, PAIGEANT_DEMO_MODEL="openai:gpt-5-mini")

    assert ended.returncode == 2
    assert ended.stdout.startswith("error: PAIGEANT_DEMO_MODEL=openai:gpt-5-mini: Set the `OPENAI_API_KEY`")


# -- a real model, as far as the desk can tell


class Server(ThreadingHTTPServer):
    """An OpenAI-compatible server that wants every customer refunded."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Endpoint)
        self.models: list[str] = []


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cast("Server", self.server).models.append(request["model"])
        sleep(0.05)
        content = json.dumps(completion(request)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # the worker may be dead by now
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def completion(request: Any) -> Any:
    order = re.search(r"\bA-\d{4}\b", str(request["messages"][-1]["content"]))
    answers = {
        "wish": {"wish": "refund", "order_id": order and order[0], "summary": "wants money"},
        "subject": {"subject": "From a real model", "body": "Here it is."},
        "approved": {"approved": True, "reason": "as you like"},
    }
    names = {each["function"]["name"]: each["function"] for each in request["tools"]}
    if "pay_back" in names:
        said = str(request["messages"])
        number, price = (re.search(rf"{word}: (\S+?)(?:\\\\n|['\"\\\\])", said) for word in ("Order", "Price"))
        paid = any(each["role"] == "tool" for each in request["messages"])
        granted = {"order_id": number and number[1], "amount": price and price[1]}
        tool, answer = (names["final_result"], granted) if paid else (names["pay_back"], {})
    else:
        tool = names["final_result"]
        answer = next(each for name, each in answers.items() if name in tool["parameters"]["properties"])
    call = {"id": "c1", "type": "function", "function": {"name": tool["name"], "arguments": json.dumps(answer)}}
    return {
        "id": "r1",
        "object": "chat.completion",
        "created": 1,
        "model": "local",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.slow
def test_a_model_of_ones_own_is_asked_instead(desk: Path, environment: dict[str, str], server: Server):
    url = f"http://127.0.0.1:{server.server_port}/v1#mine"

    ended = demo(desk, environment, PAIGEANT_DEMO_MODEL=url)

    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.startswith(f"The agents ask {url}")
    assert "No real model" not in ended.stdout
    assert ended.stdout.count("\n  ok  ") == 5
    assert len(server.models) >= 3 * len(TICKETS)
    assert set(server.models) == {"mine"}
    results = endings(ended.stdout)
    assert all("sent: From a real model" in line for line in results.values())
    assert results["09-invoice-for-the-chair"].startswith("completed    249.00 EUR")

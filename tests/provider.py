"""An OpenAI-compatible endpoint that plays what it is given, and keeps a bill of all that it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, NamedTuple, cast


class Refusal(NamedTuple):
    """What is answered instead, once; ``retry_after`` is its header of that name. Of status 0 the connection is cut."""

    status: int
    retry_after: str | None = None


def text(said: str) -> Any:
    """Return a message that ends a run."""
    return {"role": "assistant", "content": said}


def filtered() -> Any:
    """Return a message that a filter has emptied."""
    return {"role": "assistant", "content": None, "finish_reason": "content_filter"}


def tools(*calls: tuple[str, dict[str, Any]], turn: int = 0) -> Any:
    """Return a message that calls tools."""
    made = [
        {"id": f"c{turn}-{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for n, (name, arguments) in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": made}


def orders(turn: int, asked: list[Any]) -> Any:
    """Five requests: three tools abreast, one with an agent within it, two more, and the end."""
    del asked
    return [
        tools(*(("look", {"item": item}) for item in "abc"), turn=0),
        tools(("ask", {"question": "why"}), turn=1),
        tools(("look", {"item": "d"}), turn=2),
        tools(("look", {"item": "e"}), turn=3),
        text("done"),
    ][turn]


def long(turn: int, asked: list[Any]) -> Any:
    """As many requests as are asked for."""
    count = int(asked[-1]["content"] if turn == 0 else next(one["content"] for one in asked if one["role"] == "user"))
    return text("done") if turn + 1 >= count else tools(("look", {"item": str(turn)}), turn=turn)


def helper(turn: int, asked: list[Any]) -> Any:
    """One answer."""
    del turn, asked
    return text("because")


SCRIPTS: dict[str, Callable[[int, list[Any]], Any]] = {"orders": orders, "long": long, "helper": helper}


class Provider(ThreadingHTTPServer):
    """The endpoint. ``bill`` names each request by its model and how many answers it has seen already.

    ``asked_at`` and ``refused_at`` are the times of a clock that is never set: of each request, of each refusal.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Endpoint)
        self.bill: list[tuple[str, int]] = []
        self.asked_at: list[float] = []
        self.refused_at: list[float] = []
        self.refusals: list[Refusal] = []
        self.scripts = dict(SCRIPTS)
        self.input_tokens = 10
        self.go_on = Event()
        self.go_on.set()
        self.lock = Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class Endpoint(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        provider = cast("Provider", self.server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked, model = body["messages"], body["model"]
        turn = sum(one["role"] == "assistant" for one in asked)
        with provider.lock:
            provider.bill.append((model, turn))
            provider.asked_at.append(monotonic())
            refusal = provider.refusals.pop(0) if provider.refusals else None
            provider.refused_at += [monotonic()] if refusal else []
        provider.go_on.wait(20)
        said = refusal or provider.scripts[model](turn, asked)
        if isinstance(said, Refusal):
            self.refuse(said)
            return
        whole = completion(model, turn, said, provider.input_tokens)
        if body.get("stream"):
            self.stream(whole)
        else:
            self.answer(200, whole, {})

    def refuse(self, refusal: Refusal) -> None:
        if refusal.status == 0:
            self.close_connection = True
            return
        headers = {} if refusal.retry_after is None else {"Retry-After": refusal.retry_after}
        self.answer(refusal.status, {"error": {"message": "no", "type": "x", "code": None}}, headers)

    def stream(self, whole: Any) -> None:
        """Answer word by word, with the usage in a chunk of its own, as the protocol has it."""
        [choice] = whole["choices"]
        words = (choice["message"]["content"] or "").split(" ")
        shared = {name: whole[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
        deltas = [{"role": "assistant", "content": words[0]}, *({"content": f" {word}"} for word in words[1:])]
        ends = [None] * (len(deltas) - 1) + [choice["finish_reason"]]
        chunks = [
            shared | {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
            for delta, end in zip(deltas, ends, strict=True)
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for chunk in (*chunks, shared | {"choices": [], "usage": whole["usage"]}):
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def answer(self, status: int, said: Any, headers: dict[str, str]) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def completion(model: str, turn: int, message: Any, input_tokens: int = 10) -> Any:
    """Return an answer as the endpoint words it: so many tokens more of input each turn, 5 of output."""
    used = input_tokens * (turn + 1)
    ends = message.get("finish_reason") or ("tool_calls" if message.get("tool_calls") else "stop")
    said = {name: value for name, value in message.items() if name != "finish_reason"}
    return {
        "id": f"r{turn}",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": said, "finish_reason": ends}],
        "usage": {"prompt_tokens": used, "completion_tokens": 5, "total_tokens": used + 5},
    }


@contextmanager
def serving() -> Iterator[Provider]:
    """Serve, in a thread."""
    with served(Provider()) as server:
        yield server


@contextmanager
def served(provider: Provider) -> Iterator[Provider]:
    """Let it serve, in a thread, and close it."""
    with provider as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()
            thread.join()

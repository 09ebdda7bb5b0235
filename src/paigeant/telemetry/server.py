"""HTTP server in its own thread, for probes and metrics: a hung event loop does not block it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final, NamedTuple, Self
from urllib.parse import urlsplit

from paigeant.errors import ConfigError

_PATIENCE: Final = 10.0
"""Timeout in seconds of a client's request and of the response."""


class Answer(NamedTuple):
    """Response to a request."""

    status: int
    content_type: str
    body: str


Pages = Callable[[str], "Answer | None"]
"""Function from path to response, None for an unknown path."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    protocol_version = "HTTP/1.1"
    server_version = "paigeant"
    sys_version = ""
    pages: ClassVar[Pages]

    def do_GET(self) -> None:
        """Answer with the page of the path."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        try:
            answer = type(self).pages(urlsplit(self.path).path)
        except Exception as error:  # noqa: BLE001  (of a page: the server goes on)
            answer = Answer(500, "text/plain", f"{type(error).__name__}\n")
        answer = answer or Answer(404, "text/plain", "there are /metrics, /health, /ready and /queues\n")
        content = answer.body.encode()
        self.send_response(answer.status)
        headers: Mapping[str, str] = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (as the base class has it)
        """Log nothing: requests arrive each second."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that disconnects."""


class ProbeServer:
    """Serves pages on a port from construction to :meth:`close`."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        """Listen; raises ConfigError for a port that is not available."""
        handler = type("Handler", (_Handler,), {"pages": staticmethod(pages)})
        try:
            self._server = _Server((host, port), handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            text = f"--metrics-port {port}: cannot listen on {host}:{port}: {why}; choose another port"
            raise ConfigError(text) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="paigeant-metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Do nothing: it listens already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1)

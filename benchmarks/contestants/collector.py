"""A collector of traces over HTTP that keeps nothing; it prints its address, and runs until it is terminated."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Taker(BaseHTTPRequestHandler):
    """Reads what comes and says that it was taken."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take spans."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is given)
        """Say nothing."""


with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()

"""A small collector: receives spans by OTLP over HTTP, as those of vendors do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What a collector has received: each span, and by its id the name of the service that sent it."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"{self.base}/v1/traces"
        self.spans: list[Span] = []
        self.services: dict[bytes, str] = {}

    def receive(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            said = {each.key: each.value.string_value for each in resource.resource.attributes}
            spans = [span for scope in resource.scope_spans for span in scope.spans]
            self.services.update(dict.fromkeys((span.span_id for span in spans), said.get("service.name", "")))
            self.spans += spans

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def parents(spans: list[Span]) -> dict[str, str]:
    """Return the name of each span's parent, by the span's own: nobody if it has none, missing if it is not there."""
    ids = {span.span_id: span.name for span in spans}
    return {
        span.name: ids.get(span.parent_span_id, "nobody" if not span.parent_span_id else "missing") for span in spans
    }


def links(span: Span, spans: list[Span]) -> list[str]:
    """Return the names of the spans that this one is linked to."""
    ids = {each.span_id: each.name for each in spans}
    return sorted(ids.get(link.span_id, "missing") for link in span.links)


def said_of(span: Span) -> dict[str, Any]:
    """Return the attributes of a span."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "") for each in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Serve until this is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield found
        server.shutdown()

"""Rendering: templates in which every value is escaped text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from paigeant.app.views.spent import calls_line
from paigeant.model.spending.costs import decimal_text
from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import CONTROLS
from paigeant.web.access import Access, Role
from paigeant.web.charts.graph import Graph

SHOWN: Final = 2_048
"""Number of characters of a value shown in a page; the rest is a click away."""


def visible(value: Any, limit: int = SHOWN) -> str:
    """Return a value as cut text with visible control and direction characters."""
    text = value if isinstance(value, str) else to_json(value, indent=2, fallback=str).decode()
    text = text.translate(CONTROLS)
    return text if len(text) <= limit else f"{text[:limit]}…"


def line(value: Any, limit: int) -> str:
    """Return a value as :func:`visible` does, on one line."""
    text = value if isinstance(value, str) else to_json(value, fallback=str).decode()
    return visible(text, limit)


def ago(at: datetime | None) -> str:
    """Return the time since, or until, a time, in its largest unit."""
    if at is None:
        return ""
    seconds = (datetime.now(UTC) - at).total_seconds()
    text = " ".join(span(abs(seconds)).split(" ")[:2])
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def span(seconds: float | None) -> str:
    """Return a duration in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    parts: list[str] = []
    left = int(seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count and len(parts) < 2:  # noqa: PLR2004  (two say enough)
            parts.append(f"{count} {unit}")
    return " ".join(parts)


def utc(at: datetime | None) -> str:
    """Return a time in UTC."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def dollars(usd: Decimal | None) -> str:
    """Return an amount; empty without a price."""
    return "" if usd is None else f"${decimal_text(usd)}"


_TEMPLATES: Final = Environment(
    loader=PackageLoader("paigeant.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FILTERS: Final[dict[str, Any]] = {
    "visible": visible,
    "line": line,
    "ago": ago,
    "span": span,
    "utc": utc,
    "dollars": dollars,
    "spent": calls_line,
}
cast("dict[str, Any]", _TEMPLATES.filters).update(_FILTERS)  # pyright: ignore[reportUnknownMemberType]


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page; ``values`` are those of its template."""
    access: Access = request.app.state.access
    identity = request.state.identity
    shared = {
        "root": request.scope.get("root_path", ""),
        "path": request.url.path,
        "identity": identity,
        "may_act": identity.role >= Role.OPERATOR,
        "signed_in": not access.local and request.state.session != "local",
        "form_token": access.form_token(request.state.session),
        "seen": request.app.state.watcher.newest,
        "namespace": request.app.state.paigeant.settings.namespace,
    }
    return HTMLResponse(_TEMPLATES.get_template(template).render(shared | values), status)


def drawing(graph: Graph, name: str, link: str) -> Response:
    """Return a graph as an image of its own, whose boxes link to an address before the place of each."""
    text = _TEMPLATES.get_template("graph.svg").render(graph=graph, name=name, link=link)
    return Response(text, media_type="image/svg+xml")


def error_page(request: Request, status: int, text: str) -> Response:
    """Return the page of an error."""
    return page(request, "error.html", status, title=HTTPStatus(status).phrase, text=text)

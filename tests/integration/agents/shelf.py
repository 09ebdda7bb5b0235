"""A server of MCP that finds things; it writes down that it was started, and what it was asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastmcp import FastMCP  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

LOG = Path(os.environ["SHELF_LOG"])


def note(what: str) -> None:
    with LOG.open("a") as log:
        log.write(f"{what}\n")


def find(item: str) -> str:
    """Find an item."""
    note(f"find {item}")
    return f"{item} is there"


note("started")
server: Any = FastMCP("shelf")
server.tool(find)
server.run(transport="stdio", show_banner=False)

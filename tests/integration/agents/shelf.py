"""A server of MCP that finds things; it writes down that it was started, and what it was asked."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

LOG = Path(os.environ["SHELF_LOG"])


def note(what: str) -> None:
    with LOG.open("a") as log:
        log.write(f"{what}\n")


def find(item: str) -> str:
    """Find an item."""
    note(f"find {item}")
    return f"{item} is there"


note("started")
server: Any = import_module("mcp.server.mcpserver").MCPServer("shelf")
server.add_tool(find)
server.run("stdio")

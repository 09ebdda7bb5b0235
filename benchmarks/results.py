"""What was measured, as JSON: written after each measure, so that what was done is kept if the next one fails."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contest import HERE

LATEST = HERE / "results" / "latest.json"
PUBLISHED = HERE / "published" / "results.json"

LIBRARIES = ("asyncpg", "redis", "aio-pika", "SQLAlchemy", "pydantic")

Results = dict[str, Any]


def load(path: Path) -> Results:
    """Return what is there, nothing if there is no such file."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def add(path: Path, name: str, measured: Any, scale: str) -> None:
    """Keep a measure beside the others, with the machine and the time at which it was made."""
    results = load(path)
    results[name] = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "scale": scale, "found": measured}
    results["machine"] = machine()
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def machine() -> dict[str, Any]:
    """Return what the figures depend on; nothing that says whose machine it is."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "versions": {name: version(name) for name in ("paigeant", *LIBRARIES)},
    }

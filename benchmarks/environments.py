"""Environments of their own for the peers and for the tools, from pinned hashes; made when first asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent / ".venv" / "peers"
RESTATE = "@restatedev/restate-server@1.7.12"
"""The server comes as an npm package."""


class Missing(Exception):
    """A program that is not installed, or does not start, on this machine."""


def python_of(peer: str) -> Path:
    """Return the Python of a peer's or a tool's environment. Raises Missing with the reason if there can be none."""
    folder, [pins] = ROOT / peer, HERE.glob(f"*/requirements-{peer}.txt")
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists() and stamp.stat().st_mtime >= pins.stat().st_mtime:
        return python
    _call([sys.executable, "-m", "venv", folder])
    _call([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", pins])
    if peer == "restate":
        _call(["npm", "install", "--silent", "--no-fund", "--prefix", folder / "npm", RESTATE])
    stamp.touch()
    return python


def _call(command: list[str | Path]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"not installed: {error}") from error
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Missing(f"not installed: {Path(command[0]).name}: {reason[-1]}")

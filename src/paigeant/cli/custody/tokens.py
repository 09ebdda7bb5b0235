"""Tokens of people, read from files: command lines are visible to all users of a machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from paigeant.errors import InvalidInput

TOKEN_BYTES: Final = 16 * 1024


def read_token(file: Path | None) -> str | None:
    """Return the token in a file, if there is one, as :func:`token_in`."""
    return None if file is None else token_in(file)


def token_in(file: Path) -> str:
    """Return the token in a file, without the end of its line; ``-`` is standard input. Raises InvalidInput."""
    try:
        if str(file) == "-":
            text = sys.stdin.buffer.read(TOKEN_BYTES + 1)
        else:
            with file.open("rb") as opened:
                text = opened.read(TOKEN_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from error
    token = text.strip()
    if not token or len(token) > TOKEN_BYTES or not token.isascii() or any(byte <= 0x20 for byte in token):  # noqa: PLR2004
        raise InvalidInput(f"{file}: no access token is in it, alone on one line")
    return token.decode()

"""A signer that is a program: whatever has a command line, as a KMS, Vault, or a token, can vouch for processes.

``PROGRAM … public-key`` writes the public half of its key to standard output, as a JWK or as PEM. ``PROGRAM … sign``
reads what is to be signed from standard input, and writes the signature, base64 or base64url.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import stat
from asyncio.subprocess import PIPE
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from pydantic_core import from_json

from paigeant.abc.custody.signer import Signer
from paigeant.errors import ConfigError, Unavailable
from paigeant.plugins import redacted
from paigeant.security.custody.jws import jwk_of_pem

ANSWER_BYTES: Final = 16 * 1024
"""What a program may answer, and is heard complaining, at most."""

OURS: Final = "PAIGEANT_"
"""What the names of variables begin with that the program does not get: some hold passwords."""

_RAW: Final = 32
"""Bytes of each of the two numbers of a signature of P-256, as JWS has them."""

_LONG: Final = re.compile(r"[A-Za-z0-9+/_=.-]{24,}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class CommandSigner(Signer):
    """Asks a program, which runs for each answer and is killed, with all that it has started, if it is too slow."""

    def __init__(self, argument: str) -> None:
        """Take the program and what it is told, in the words of a shell, which is not used; raises ConfigError.

        The program is named by its whole path, and only its owner, this user or root, may change it: whoever else can
        would sign.
        """
        try:
            self._words = shlex.split(argument)
        except ValueError as error:
            raise ConfigError(f"PAIGEANT_SIGNER is no command, as command:/usr/local/bin/sign: {error}") from error
        if not self._words or not self._words[0].startswith("/"):
            raise ConfigError("PAIGEANT_SIGNER: name the program by its whole path, as command:/usr/local/bin/sign")
        self._require_safe()

    async def public_jwk(self) -> Mapping[str, Any]:
        """Return the public half that the program writes."""
        said = await self._ask("public-key")
        try:
            jwk: Any = jwk_of_pem(said) if said.lstrip().startswith(b"-----BEGIN") else from_json(said)
        except ValueError as error:
            text = f"{self._words[0]} public-key: what it writes is neither a JWK nor a public key in PEM: {error}"
            raise ConfigError(text) from error
        if not isinstance(jwk, dict):
            raise ConfigError(f"{self._words[0]} public-key: what it writes is no JWK")
        return cast("dict[str, Any]", jwk)

    async def sign(self, text: bytes) -> bytes:
        """Return the signature that the program writes; one of P-256 may be DER, as most programs write it."""
        said = b"".join((await self._ask("sign", text)).split()).translate(bytes.maketrans(b"-_", b"+/"))
        try:
            made = b64decode(said.rstrip(b"=") + b"=" * (-len(said.rstrip(b"=")) % 4), validate=True)
        except Error as error:
            raise ConfigError(f"{self._words[0]} sign: what it writes is no base64") from error
        return made if len(made) == 2 * _RAW else _of_der(made) or made

    def _require_safe(self) -> None:
        path = Path(self._words[0])
        try:
            found = path.stat()
        except OSError as error:
            raise ConfigError(f"PAIGEANT_SIGNER: {path}: {error.strerror}") from error
        if not stat.S_ISREG(found.st_mode) or not os.access(path, os.X_OK):
            raise ConfigError(f"PAIGEANT_SIGNER: {path} is no program that this user may run: chmod +x {path}")
        if found.st_uid not in {0, os.geteuid()}:
            raise ConfigError(f"PAIGEANT_SIGNER: {path} belongs to another user, who could sign with it")
        if found.st_mode & 0o022:
            raise ConfigError(f"PAIGEANT_SIGNER: others can change {path}: chmod go-w {path}")

    async def _ask(self, verb: str, given: bytes = b"") -> bytes:
        """Return what the program writes; raises ConfigError and Unavailable."""
        self._require_safe()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        try:
            process = await asyncio.create_subprocess_exec(
                *(*self._words, verb), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
            )
        except OSError as error:
            raise ConfigError(f"PAIGEANT_SIGNER: {self._words[0]}: {error.strerror}") from error
        try:
            said, complained = await _converse(process, given)
            code = await process.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and what it has started, which may hold the pipes
            await process.wait()
            raise
        if code:
            why = _last_line(complained)
            raise Unavailable(f"{self._words[0]} {verb} has ended with {code}" + (f": {why}" if why else ""))
        if len(said) > ANSWER_BYTES:
            raise ConfigError(f"{self._words[0]} {verb} writes more than {ANSWER_BYTES:,} bytes")
        return said


async def _converse(process: asyncio.subprocess.Process, given: bytes) -> tuple[bytes, bytes]:
    """Give a program what it reads, and return the beginning of what it writes and complains of."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise TypeError("the program has no pipes")
    _, said, complained = await asyncio.gather(
        _write(process.stdin, given), _read(process.stdout), _read(process.stderr)
    )
    return said, complained


async def _write(stream: asyncio.StreamWriter, given: bytes) -> None:
    """Give a program all that it reads: it may end before, which the loop says in one way or another."""
    with suppress(ConnectionError, RuntimeError):
        stream.write(given)
        await stream.drain()
    with suppress(ConnectionError, RuntimeError):
        stream.close()


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Return what comes, a byte more than is allowed at most; the rest is thrown away."""
    kept = bytearray()
    while part := await stream.read(ANSWER_BYTES):
        kept += part[: ANSWER_BYTES + 1 - len(kept)]
    return bytes(kept)


def _last_line(complained: bytes) -> str:
    """Return the last line of what a program complains of, with all masked that could be a key or a password."""
    lines = [line.strip() for line in complained.decode(errors="replace").splitlines() if line.strip()]
    return _CONTROL.sub(" ", _LONG.sub("***", redacted(lines[-1])))[:200] if lines else ""


def _of_der(signature: bytes) -> bytes | None:
    """Return r and s of an ECDSA signature in DER as JWS has them, None if it is none."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:  # noqa: PLR2004
        return None
    numbers, rest = list[int](), signature[2:]
    while len(rest) > 2 and rest[0] == 2 and rest[1] <= len(rest) - 2:  # noqa: PLR2004  (an integer, and its length)
        numbers.append(int.from_bytes(rest[2 : 2 + rest[1]], signed=True))
        rest = rest[2 + rest[1] :]
    if rest or len(numbers) != 2 or not all(0 < number < 1 << 8 * _RAW for number in numbers):  # noqa: PLR2004
        return None
    return b"".join(number.to_bytes(_RAW) for number in numbers)

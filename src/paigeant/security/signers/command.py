"""Signer that runs a program: any command-line tool of a KMS, of Vault or of a token can vouch for processes.

``PROGRAM … public-key`` writes the public half of its key to standard output, as a JWK or as PEM. ``PROGRAM … sign``
reads the bytes to sign from standard input, and writes the signature, base64 or base64url.
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
"""Limit of a program's standard output and standard error, each."""

OURS: Final = "PAIGEANT_"
"""Prefix of environment variables that are withheld from the program: some hold passwords."""

_RAW: Final = 32
"""Bytes of each of the two numbers in a JWS signature of P-256."""

_LONG: Final = re.compile(r"[A-Za-z0-9+/_=.-]{24,}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class CommandSigner(Signer):
    """Runs a program for each answer, and kills it, with all its children, if it is too slow."""

    def __init__(self, argument: str) -> None:
        """Take the program and its arguments, in shell syntax, without a shell; raises ConfigError.

        The program is given by its absolute path, and only its owner, this user or root, may change it: anybody else
        who can would be able to sign.
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
        """Return the output of the program; raises ConfigError and Unavailable."""
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
                os.killpg(process.pid, signal.SIGKILL)  # and its children, which may hold the pipes
            await process.wait()
            raise
        if code:
            why = _last_line(complained)
            raise Unavailable(f"{self._words[0]} {verb} has ended with {code}" + (f": {why}" if why else ""))
        if len(said) > ANSWER_BYTES:
            raise ConfigError(f"{self._words[0]} {verb} writes more than {ANSWER_BYTES:,} bytes")
        return said


async def _converse(process: asyncio.subprocess.Process, given: bytes) -> tuple[bytes, bytes]:
    """Feed a program, and return the beginning of its standard output and standard error."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise TypeError("the program has no pipes")
    _, said, complained = await asyncio.gather(
        _write(process.stdin, given), _read(process.stdout), _read(process.stderr)
    )
    return said, complained


async def _write(stream: asyncio.StreamWriter, given: bytes) -> None:
    """Feed a program; it may end early, which the loop reports as one of several errors."""
    with suppress(ConnectionError, RuntimeError):
        stream.write(given)
        await stream.drain()
    with suppress(ConnectionError, RuntimeError):
        stream.close()


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Return the output, at most one byte over the limit; the rest is discarded."""
    kept = bytearray()
    while part := await stream.read(ANSWER_BYTES):
        kept += part[: ANSWER_BYTES + 1 - len(kept)]
    return bytes(kept)


def _last_line(complained: bytes) -> str:
    """Return the last line of a program's standard error, with possible keys and passwords masked."""
    lines = [line.strip() for line in complained.decode(errors="replace").splitlines() if line.strip()]
    return _CONTROL.sub(" ", _LONG.sub("***", redacted(lines[-1])))[:200] if lines else ""


def _of_der(signature: bytes) -> bytes | None:
    """Convert an ECDSA signature from DER to r and s as in JWS; None if it is not DER."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:  # noqa: PLR2004
        return None
    numbers, rest = list[int](), signature[2:]
    while len(rest) > 2 and rest[0] == 2 and rest[1] <= len(rest) - 2:  # noqa: PLR2004  (an integer, and its length)
        numbers.append(int.from_bytes(rest[2 : 2 + rest[1]], signed=True))
        rest = rest[2 + rest[1] :]
    if rest or len(numbers) != 2 or not all(0 < number < 1 << 8 * _RAW for number in numbers):  # noqa: PLR2004
        return None
    return b"".join(number.to_bytes(_RAW) for number in numbers)

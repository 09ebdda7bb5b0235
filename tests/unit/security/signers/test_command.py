"""A program signs what it is given, within its time, and what it must not say is not shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from paigeant.errors import ConfigError, Unavailable
from paigeant.plugins import load_plugin
from paigeant.security.custody.jws import SigningKey
from paigeant.security.signers import command
from paigeant.security.signers.command import CommandSigner

Make = Callable[[str], Path]

OPENSSL = """
case $1 in
  public-key) openssl pkey -in {key} -pubout ;;
  sign) openssl dgst -sha256 -sign {key} | base64 ;;
esac
"""


@pytest.fixture
def program(tmp_path: Path) -> Make:
    """Return what makes a program of the lines of a shell."""

    def make(lines: str) -> Path:
        path = tmp_path / "sign"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return path

    return make


async def openssl(*words: str) -> None:
    process = await asyncio.create_subprocess_exec("openssl", *words, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


@pytest.mark.parametrize(
    ("words", "algorithm"),
    [
        (("ecparam", "-name", "prime256v1", "-genkey", "-noout"), "ES256"),
        (("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"), "RS256"),
    ],
    ids=["ES256", "RS256"],
)
async def test_what_openssl_signs_is_a_signature(program: Make, tmp_path: Path, words: tuple[str, ...], algorithm: str):
    """It writes PEM, and DER, as the command lines of most services do."""
    await openssl(*words, "-out", str(tmp_path / "key.pem"))
    signer = CommandSigner(str(program(OPENSSL.format(key=tmp_path / "key.pem"))))

    key = SigningKey(await signer.public_jwk())

    assert (key.algorithm, key.private) == (algorithm, False)
    for number in range(4):  # numbers of different lengths
        text = b"what is signed %d" % number
        signature = await signer.sign(b"header." + text)
        assert key.verifies(b"header", signature, text)


async def test_a_program_may_have_words_of_its_own_and_is_found_by_name(program: Make):
    path = program("""test "$1" = "two words" && test "$2" = sign && cat >/dev/null && printf 'AQ ID\\n' """)

    signer = load_plugin("paigeant.signers", "command")(f"{path} 'two words'")

    assert await signer.sign(b"text") == b"\x01\x02\x03"


async def test_it_hears_nothing_of_our_settings(program: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAIGEANT_STORE", "postgresql://me:sesame@db/shop")
    monkeypatch.setenv("KMS_REGION", "eu")
    signer = CommandSigner(str(program('printf \'{"kty":"%s%s"}\' "$KMS_REGION" "$PAIGEANT_STORE"')))

    assert await signer.public_jwk() == {"kty": "eu"}


async def test_a_program_that_fails_says_why_without_what_could_be_a_secret(program: Make):
    lines = (
        r"echo first >&2; printf '\033[31mdenied: %s at https://me:sesame@kms/x\n\n' $(printf 'k%.0s' $(seq 40)) >&2"
    )
    signer = CommandSigner(str(program(f"{lines}; exit 3")))

    with pytest.raises(Unavailable, match=r"sign sign has ended with 3:  \[31mdenied: \*\*\* at https://") as raised:
        await signer.sign(b"text")
    assert "sesame" not in str(raised.value)


async def test_a_program_that_ends_early_or_never_reads_is_no_hang(program: Make):
    with pytest.raises(Unavailable, match=r"has ended with 1$"):
        await CommandSigner(str(program("exit 1"))).sign(b"x" * 200_000)


def test_workers_have_another_event_loop(program: Make):
    """It says in words of its own that a program has not read all."""
    uvloop = pytest.importorskip("uvloop")
    signer = CommandSigner(str(program("""printf '{"kty":"OKP"}'""")))

    async def ask() -> None:
        for _ in range(10):
            assert await signer.public_jwk() == {"kty": "OKP"}
        with pytest.raises(ConfigError, match="no base64"):
            await signer.sign(b"x" * 200_000)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


async def test_what_is_too_slow_is_killed_with_all_that_it_has_started(program: Make, tmp_path: Path):
    path = program(f"sleep 60 & echo $! > {tmp_path}/child; sleep 60")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await CommandSigner(str(path)).sign(b"text")

    child = int((tmp_path / "child").read_text())
    stat = Path(f"/proc/{child}/stat")
    for _ in range(100):
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("it goes on")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("echo not*base64", "no base64"),
        ("head -c 20000 /dev/zero | tr '\\\\0' A", "more than 16,384 bytes"),
    ],
    ids=["text", "long"],
)
async def test_an_answer_is_base64_and_short(program: Make, lines: str, why: str):
    with pytest.raises(ConfigError, match=why):
        await CommandSigner(str(program(lines))).sign(b"text")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("echo hello", "neither a JWK nor a public key"),
        ("echo [1]", "no JWK"),
        ("echo -----BEGIN PUBLIC KEY-----", "neither a JWK nor a public key"),
    ],
    ids=["text", "list", "pem"],
)
async def test_a_public_key_is_a_jwk_or_pem(program: Make, lines: str, why: str):
    with pytest.raises(ConfigError, match=why):
        await CommandSigner(str(program(lines))).public_jwk()


async def test_a_private_key_is_not_taken_for_a_public_one(program: Make, tmp_path: Path):
    await openssl("genpkey", "-algorithm", "ED25519", "-out", str(tmp_path / "key.pem"))

    with pytest.raises(ConfigError, match="private key"):
        await CommandSigner(str(program(f"cat {tmp_path}/key.pem"))).public_jwk()


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        ("sign", "by its whole path"),
        ("", "by its whole path"),
        ("'open 1234", "no command"),
        ("/nowhere/sign", "No such file"),
        ("/tmp", "no program"),
    ],
)
def test_a_program_is_named_by_its_path_and_can_be_run(argument: str, why: str):
    with pytest.raises(ConfigError, match=why) as raised:
        CommandSigner(argument)
    assert "1234" not in str(raised.value)


def test_a_file_that_is_no_program_is_refused_with_the_command_that_mends_it(program: Make):
    path = program("echo AAAA")
    path.chmod(0o644)

    with pytest.raises(ConfigError, match=rf"chmod \+x {path}"):
        CommandSigner(str(path))


async def test_a_program_that_others_can_change_is_not_run(program: Make):
    path = program("echo AAAA")
    signer = CommandSigner(str(path))
    path.chmod(0o777)

    with pytest.raises(ConfigError, match=f"chmod go-w {path}"):
        await signer.sign(b"text")
    with pytest.raises(ConfigError, match="chmod go-w"):
        CommandSigner(str(path))


@pytest.mark.parametrize(
    "made", [b"", b"\x30", b"\x30\x06\x02\x01\x01\x02\x01\x00", b"\x30\x03\x02\x01\x01", b"\x30\x02\x02\x7f"]
)
def test_what_is_no_der_of_two_numbers_is_left_as_it_is(made: bytes):
    assert command._of_der(made) is None  # pyright: ignore[reportPrivateUsage]


def test_two_numbers_of_der_have_32_bytes_each():
    made = b"\x30\x07\x02\x01\x01\x02\x02\x00\xff"

    assert command._of_der(made) == bytes(31) + b"\x01" + bytes(31) + b"\xff"  # pyright: ignore[reportPrivateUsage]

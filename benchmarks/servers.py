"""Servers of the benchmark's own, on free ports, with the durability that one would run in production."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

import environments
from environments import Missing

PATIENCE = 60.0


class Server(NamedTuple):
    """A server that answers: where, and as which process."""

    url: str
    pid: int


@contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """PostgreSQL as it comes, with fsync and synchronous_commit; only more connections."""
    port, data, user = free_port(), folder / "postgres", _other_than_root(folder)
    binaries = Path(_postgres_binary("initdb")).parent
    initdb = [binaries / "initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": 200,
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    command = [binaries / "postgres", "-D", data, *options]
    with _running(command, port, folder / "postgres.log", user=user, stop=signal.SIGINT) as pid:
        ready = [binaries / "pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(port)]
        while subprocess.run(ready, check=False).returncode == 1:  # it answers, and says that it is starting up
            sleep(0.05)
        yield Server(f"postgresql://postgres@127.0.0.1:{port}/postgres", pid)


@contextmanager
def redis(folder: Path) -> Iterator[Server]:
    """Redis with an append-only file, flushed every second."""
    port, binary = free_port(), _binary("redis-server")
    options = {"--port": port, "--bind": "127.0.0.1", "--dir": folder, "--save": "", "--appendonly": "yes"}
    command = [binary, *(str(part) for pair in options.items() for part in pair), "--appendfsync", "everysec"]
    with _running(command, port, folder / "redis.log") as pid:
        yield Server(f"redis://127.0.0.1:{port}/0", pid)


@contextmanager
def rabbitmq(folder: Path) -> Iterator[Server]:
    """RabbitMQ as it comes; what is durable is said by queues and messages."""
    port, distribution = free_port(), free_port()
    server = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    names = {
        "NODENAME": f"bench{port}@localhost",
        "NODE_PORT": port,
        "NODE_IP_ADDRESS": "127.0.0.1",
        "DIST_PORT": distribution,
        "MNESIA_BASE": folder / "rabbitmq",
        "LOG_BASE": folder / "rabbitmq",
        "PID_FILE": folder / "rabbitmq.pid",
        "ENABLED_PLUGINS_FILE": folder / "none",
        "CONFIG_FILE": folder / "none",
    }
    environment = os.environ | {"HOME": str(folder)}
    environment |= {f"RABBITMQ_{key}": str(value) for key, value in names.items()}
    command = [str(server) if server.exists() else _binary("rabbitmq-server")]
    with _running(command, port, folder / "rabbitmq.log", environment=environment) as pid:
        yield Server(f"amqp://guest:guest@127.0.0.1:{port}/", pid)


@contextmanager
def restate(folder: Path) -> Iterator[Server]:
    """Restate's server, from the npm package in its environment. Its URL is two: of the ingress, and of the admin."""
    node, ingress, admin = free_port(), free_port(), free_port()
    package = "npm/node_modules/@restatedev/restate-server-*/bin/restate-server"
    binaries = list((environments.ROOT / "restate").glob(package))
    if not binaries:
        raise Missing("restate-server has no package for this machine")
    environment = os.environ | {
        "RESTATE_BASE_DIR": str(folder / "data"),
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_IP": "127.0.0.1",
        "RESTATE_BIND_PORT": str(node),
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "DO_NOT_TRACK": "1",
    }
    with _running([binaries[0], "--no-logo"], ingress, folder / "restate.log", environment=environment) as pid:
        yield Server(f"http://127.0.0.1:{ingress} http://127.0.0.1:{admin}", pid)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _running(
    command: Sequence[str | Path],
    port: int,
    log: Path,
    *,
    user: int | None = None,
    environment: dict[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[int]:
    """Start it in a process group of its own, wait until it answers, and end that group."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, user=user, env=environment, cwd=log.parent, start_new_session=True
        )
    try:
        deadline = monotonic() + PATIENCE
        while not _answers(port):
            if process.poll() is not None or monotonic() > deadline:
                raise Missing(f"{command[0]} did not start: {log.read_text('utf-8', 'replace')[-500:]}")
            sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(stop)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(ProcessLookupError):  # what it has started itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _binary(name: str) -> str:
    if (found := shutil.which(name)) is None:
        raise Missing(f"{name} is not installed")
    return found


def _postgres_binary(name: str) -> str:
    """Debian keeps the server's programs off the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else _binary(name)


def _other_than_root(folder: Path) -> int | None:
    """PostgreSQL refuses to be root; then its own user gets the folder."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o755)
    return user.pw_uid

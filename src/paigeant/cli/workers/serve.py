"""``paigeant serve``: HTTP API and dashboard."""

from __future__ import annotations

import asyncio
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from paigeant.app import Paigeant
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note
from paigeant.cli.workers.log_output import configure_logs
from paigeant.config import Settings, load_settings
from paigeant.errors import ConfigError

app: typer.Typer = new_app()

TOKEN: Final = "PAIGEANT_API_TOKEN"  # noqa: S105  (the name of a variable)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NEEDED: Final = ("fastapi", "jinja2", "uvicorn")


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8200,
    host: Annotated[
        str, typer.Option(help="The address to listen on; beyond this machine a token is needed.")
    ] = "127.0.0.1",
    root_path: Annotated[str, typer.Option(help="The path under which a proxy serves it, as /paigeant.")] = "",
    certfile: Annotated[Path | None, typer.Option(help="The certificate for TLS.", exists=True, dir_okay=False)] = None,
    keyfile: Annotated[
        Path | None, typer.Option(help="Its key, unless the certificate's file has it.", exists=True)
    ] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="A proxy in front of it does TLS.")] = False,
) -> None:
    """Serve the HTTP API and the dashboard: for this machine only, unless a token says who may (PAIGEANT_API_TOKEN)."""
    lacking = [name for name in _NEEDED if find_spec(name) is None]
    if lacking:
        raise ConfigError(f"`paigeant serve` needs {', '.join(lacking)}: pip install 'paigeant[web]'")
    settings = load_settings()
    access = _access(settings, host, tls=certfile is not None or behind_proxy, behind_proxy=behind_proxy)
    configure_logs(settings)
    options: dict[str, Any] = {"host": host, "port": port, "root_path": _path(root_path)}
    options["proxy_headers"] = behind_proxy  # else any local user could claim any address
    if certfile is not None:
        options |= {"ssl_certfile": str(certfile), "ssl_keyfile": None if keyfile is None else str(keyfile)}
    raise typer.Exit(asyncio.run(_serve(settings, access, options)))


def _path(given: str) -> str:
    """Return the path prefix of a proxy, in the form for page paths."""
    return f"/{given.strip('/')}" if given.strip("/") else ""


def _access(settings: Settings, host: str, *, tls: bool, behind_proxy: bool) -> Any:
    """Return the access rules of the settings; raises ConfigError if traffic would be readable in transit."""
    access = import_module("paigeant.web.access")
    text = os.environ.get(TOKEN, "")
    local = host in _LOOPBACK and not behind_proxy
    tokens: dict[str, Any] = access.read_tokens(text) if text else {}
    openid = import_module("paigeant.web.sign_in.openid").choose_provider(settings)
    if not local and not tls:
        raise ConfigError(f"--host {host}: tokens would travel unencrypted: use --certfile, or --behind-proxy")
    return access.Access(tokens, local=local and not tokens and openid is None, openid=openid)


async def _require_tokens(paigeant: Paigeant, access: Any, host: str) -> None:
    """Require a token if there are any; raises ConfigError if there must be and are none."""
    if access.tokens or access.openid is not None:
        return
    if await paigeant.store.list_tokens():
        access.local = False
    elif not access.local:
        text = f"--host {host}: others could reach it, and nobody has a token: set {TOKEN}, or "
        text += "`paigeant tokens create`, or let people sign in at a provider (PAIGEANT_OIDC_ISSUER)"
        raise ConfigError(text)


async def _serve(settings: Settings, access: Any, options: dict[str, Any]) -> int:
    uvicorn: Any = import_module("uvicorn")
    web: Any = import_module("paigeant.web")
    async with Paigeant(settings=settings) as paigeant:
        await _require_tokens(paigeant, access, options["host"])
        guarded = web.asgi(paigeant, access)
        config = uvicorn.Config(
            guarded,
            **options,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=4,
        )
        server = uvicorn.Server(config)
        stopping = asyncio.create_task(_end_streams(server, guarded.watcher), name="paigeant-serve")
        address = f"{'https' if config.is_ssl else 'http'}://{options['host']}:{options['port']}{options['root_path']}/"
        rights = _rights(access)
        note(f"dashboard on {address} ({rights}); Ctrl-C stops it")
        try:
            await server.serve()
        except SystemExit as error:
            raise ConfigError(
                f"--port {options['port']}: cannot listen on {options['host']}; see the log above"
            ) from error
        finally:
            stopping.cancel()
            await guarded.aclose()
    return 0


def _rights(access: Any) -> str:
    """Return the permissions in words, for the line with the dashboard's address."""
    if access.local:
        return "everybody on this machine may do everything"
    return "a token is needed" if access.openid is None else f"sign in at {access.openid.name}, or with a token"


async def _end_streams(server: Any, watcher: Any) -> None:
    """End the open streams once the server is asked to stop: it waits for them."""
    while not server.should_exit:  # noqa: ASYNC110  (it has no event)
        await asyncio.sleep(0.1)
    await watcher.stop()

"""Real processes and servers, killed under load; then the store, the broker and the effects log are read."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence
from random import SystemRandom
from typing import Final

from chaos import figures, selftest
from chaos.backends import BACKENDS
from chaos.drama import Result, Script, perform
from chaos.plan import NIGHTLY, PLANS

TOGETHER: Final = 3
"""Dramas that are played at a time."""


def main() -> int:
    """Do what the arguments say; returns the exit code: 1 if anything broke, 143 if it was asked to end."""
    try:
        return _do(_parser().parse_args())
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


def _do(options: argparse.Namespace) -> int:
    match options.command:
        case "run":
            return _play([_script(options, options.backend)])
        case "all":
            return _play([_script(options, backend) for backend in BACKENDS])
        case "nightly":
            backends = [options.backend] if options.backend else BACKENDS
            return _nightly([(backend, seed) for backend in backends for seed in NIGHTLY])
        case "selftest":
            return selftest.main(options.only)
    for line in figures.table(options.plan, NIGHTLY):
        print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="play a drama on one backend")
    run.add_argument("backend", choices=BACKENDS)
    every = commands.add_parser("all", help="play a drama on each backend")
    for command in (run, every):
        command.add_argument("--plan", choices=PLANS, default="small")
        command.add_argument("--runs", type=int, help="dispatch so many runs, whatever the plan says")
        command.add_argument("--lease", type=float, help="seconds of a lease; more on a machine with other load")
        command.add_argument("--seed", type=int, help="play this schedule again; by default a new one")
        command.add_argument("--keep", action="store_true", help="leave the folder with the store and all logs")
        command.add_argument("--mutation", help="take out a safeguard, as the self-test does")
    nightly = commands.add_parser("nightly", help="play the parts of the long drama that were not played yet")
    nightly.add_argument("backend", choices=BACKENDS, nargs="?")
    shown = commands.add_parser("figures", help="print a table of what the nightly dramas came to")
    shown.add_argument("--plan", choices=PLANS, default="nightly")
    tested = commands.add_parser("selftest", help="take out safeguards, and see that the invariants notice")
    tested.add_argument("only", nargs="*", help="only these mutations")
    return parser


def _script(options: argparse.Namespace, backend: str) -> Script:
    seed = SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    plan = PLANS[options.plan].with_load(options.runs).with_lease(options.lease)
    return Script(backend, options.plan, plan, seed, options.mutation, keep=options.keep)


def _play(scripts: Sequence[Script]) -> int:
    """Play some dramas at a time, for most of the time they wait; returns whether anything broke."""
    return int(any(result.breaches for result in asyncio.run(_until_told(scripts))))


def _nightly(parts: Sequence[tuple[str, int]]) -> int:
    """Play the parts that have no result yet; returns whether anything broke, in them or before."""
    for backend, seed in parts:
        if not figures.kept("nightly", backend, [seed]):
            [result] = asyncio.run(_until_told([Script(backend, "nightly", PLANS["nightly"], seed, lanes=2)]))
            figures.keep(result)
    results = [result for backend, seed in parts for result in figures.kept("nightly", backend, [seed])]
    return int(any(result["breaches"] for result in results))


async def _until_told(scripts: Sequence[Script]) -> list[Result]:
    """Play them; on SIGTERM end everything that was started, as on Ctrl-C."""
    turns = asyncio.Semaphore(TOGETHER)

    async def play(script: Script) -> Result:
        async with turns:
            result = await perform(script, lambda text: print(f"{script.backend:18}{text}", flush=True))
        _tell(script, result)
        return result

    playing = asyncio.gather(*map(play, scripts))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    return await playing


def _tell(script: Script, result: Result) -> None:
    for name, text in result.breaches[:30]:
        print(f"BROKEN {name}: {text}")
    for story in result.stories:
        print(story)
    if result.breaches:
        print(f"again: python -m chaos run {script.backend} --plan {script.plan_name} --seed {script.seed} --keep")
    print(
        f"{result.backend}: {result.runs} runs, {result.hops} hops, {result.executions} executions "
        f"({result.repeated} repeated), {len(result.breaches)} breaches, recovered in {result.recovery:g} s, "
        f"{result.seconds:g} s in all; {result.done}",
        flush=True,
    )

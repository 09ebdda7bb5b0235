"""The figures: one JSON file a drama, in a folder that git ignores, and the table they add up to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from chaos.backends import BACKENDS
from chaos.drama import Result
from chaos.points import POINTS

FOLDER: Final = Path(__file__).parent / "figures"

_HEAD: Final = (
    *("backend", "runs", "steps committed", "lost", "doubled", "broken", "kills at points (points, least)"),
    *("other kills", "poisoned", "zombies", "servers killed", "restarted, frozen", "broker emptied", "cuts"),
    *("steps repeated", "slowest recovery"),
)


def file_of(plan: str, backend: str, seed: int) -> Path:
    """Return where the result of a drama is kept."""
    return FOLDER / f"{plan}-{backend}-{seed}.json"


def keep(result: Result) -> None:
    """Write a result down, whole."""
    FOLDER.mkdir(exist_ok=True)
    path = file_of(result.plan, result.backend, result.seed)
    path.with_suffix(".new").write_text(json.dumps(vars(result), indent=1))
    path.with_suffix(".new").rename(path)


def kept(plan: str, backend: str, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Return the results of these dramas, as far as they were played."""
    paths = [path for seed in seeds if (path := file_of(plan, backend, seed)).exists()]
    return [json.loads(path.read_text()) for path in paths]


def table(plan: str, seeds: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a table in Markdown, a line for each backend that was played."""
    yield "| " + " | ".join(_HEAD) + " |"
    yield "|---" * len(_HEAD) + "|"
    for backend in BACKENDS:
        if results := kept(plan, backend, seeds):
            yield "| " + " | ".join(map(str, _row(backend, results))) + " |"


def _row(backend: str, results: Sequence[dict[str, Any]]) -> list[object]:
    done, broken = Counter[str](), Counter[str]()
    for result in results:
        done.update(result["done"])
        broken.update(name for name, _ in result["breaches"])
    hits = {point.name: done[f"at {point.name}"] for point in POINTS if done[f"at {point.name}"]}
    servers = {name: count for name, count in done.items() if name.endswith((" kill", " restart", " freeze"))}
    killed = sum(count for name, count in servers.items() if name.endswith(" kill"))
    return [
        *(backend, _sum(results, "runs"), _sum(results, "hops"), broken["I1"], broken["I2"], sum(broken.values())),
        f"{sum(hits.values())} ({len(hits)}, {min(hits.values(), default=0)})",
        *(done["random kills"] + done["other kills"], done["poisoned"], done["zombies"], killed),
        *(sum(servers.values()) - killed, done["broker emptied"], done["cuts"], _sum(results, "repeated")),
        f"{max(result['recovery'] for result in results):g} s",
    ]


def _sum(results: Sequence[dict[str, Any]], name: str) -> int:
    return sum(result[name] for result in results)

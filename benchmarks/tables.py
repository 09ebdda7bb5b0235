"""Tables in Markdown, from the JSON of the results alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from targets import targets

Found = dict[str, Any]

NONE = "-"
TOLD = {
    "off": "nothing",
    "logs": "logs, as it comes",
    "metrics": "logs, metrics",
    "some": "logs, metrics, 5 % of the traces",
    "all": "logs, metrics, all traces",
}
USED, OWN, ENGINE, RAW = "paigeant run", "paigeant", "engine loop", "raw loop"


def tables(results: Found) -> str:
    """Return all tables for which there is something."""
    parts = [_conditions(results)]
    for name, (title, table) in TABLES.items():
        if name in results:
            measured = results[name]
            quick = " *A quick look: small sizes, one round.*" if measured["scale"] == "quick" else ""
            parts.append(f"### {title}\n\nMeasured {measured['made'][:10]}.{quick}\n\n{table(measured['found'])}")
    heads = ("what", "wanted", "found", "met")
    parts.append(f"### Targets\n\n{_table(heads, [target.row for target in targets(results)])}")
    return "\n\n".join(parts)


def _conditions(results: Found) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}, "
        f"load average {machine['load']} at the end; {versions}."
    )


def _throughput(found: Found) -> str:
    heads = (
        "system",
        "backend",
        "steps/s",
        "range",
        "`paigeant run` relative to it",
        "CPU ms a step: worker + servers",
        "records",
    )
    return _table(heads, [_throughput_row(found, line) for line in found.values()])


def _throughput_row(found: Found, line: Found) -> list[str]:
    if "steps_per_second" not in line:
        return [line["who"], line["backend"], NONE, NONE, NONE, NONE, f"not measured: {_short(line['failed'])}"]
    rate = line["steps_per_second"]
    compared = "1" if line["who"] == USED else _ratios(found, line)
    spread = f"{line['least']:.0f} to {line['most']:.0f}"
    cpu = f"{line['worker_ms']:.2f} + {line['server_ms']:.2f}"
    return [line["who"], line["backend"], f"{rate:.0f}", spread, compared, cpu, line["keeps"]]


def _ratios(found: Found, line: Found) -> str:
    """Return ours against this one: on the same backend if there is one, else on each with a server."""
    own = {entry["backend"]: entry for entry in found.values() if entry["who"] == USED and "steps_per_second" in entry}
    if same := own.get(line["backend"]):
        return f"{same['steps_per_second'] / line['steps_per_second']:.2f}"
    names = {"PostgreSQL": "PG", "Redis + PostgreSQL": "Redis", "RabbitMQ + PostgreSQL": "RabbitMQ"}
    shares = {short: own[name]["steps_per_second"] for name, short in names.items() if name in own}
    return ", ".join(f"{short} {rate / line['steps_per_second']:.2f}" for short, rate in shares.items())


def _latency(found: Found) -> str:
    rows: list[list[str]] = []
    for line in found.values():
        if "failed" in line:
            rows.append([line["who"], line["backend"], NONE, f"not measured: {_short(line['failed'])}", NONE])
            continue
        raw = found.get(f"{RAW}, {line['backend']}", {}).get("p50")
        ratio = f"{line['p50'] / raw:.1f}" if raw and line["who"] == OWN else NONE
        rows.append([line["who"], line["backend"], f"{line['p50']:.1f}", f"{line['p99']:.1f}", ratio])
    return _table(("system", "backend", "p50 ms", "p99 ms", "to the raw loop"), rows)


def _idle(found: Found) -> str:
    row = _row_of(lambda line: [f"{line[key]:.1f}" for key in ("worker_percent", "server_percent", "rss_mb")])
    heads = ("backend", "worker, % of a core", "servers, % of a core", "worker, MB")
    return _table(heads, [[name, *row(line, 3)] for name, line in found.items()])


def _memory(found: Found) -> str:
    row = _row_of(
        lambda line: [
            f"{line['before_mb']:.0f}",
            f"{line['few_mb']:.0f} ({line['few']:,} runs)",
            f"{line['many_mb']:.0f} ({line['many']:,} runs)",
        ]
    )
    return _table(
        ("backend", "before, MB", "some wait, MB", "all wait, MB"), [[n, *row(f, 3)] for n, f in found.items()]
    )


def _growth(unit: str) -> Callable[[Found], str]:
    def table(found: Found) -> str:
        row = _row_of(lambda line: [f"{line['steps_per_second']:.0f}", f"{line['worker_ms'] + line['server_ms']:.2f}"])
        rows = [
            [backend, f"{int(size):,}", *row(line[OWN], 2), *row(line[ENGINE], 2)]
            for backend, sizes in found.items()
            for size, line in sizes.items()
        ]
        heads = ("backend", unit, "steps/s", "CPU ms a step", "engine loop: steps/s", "engine loop: CPU ms a step")
        return _table(heads, rows)

    return table


def _processes(found: Found) -> str:
    row = _row_of(lambda line: [f"{line['steps_per_second']:.0f}", f"{line['worker_ms']:.2f}"])
    rows = [[name, count, *row(line, 2)] for name, counts in found.items() for count, line in counts.items()]
    return _table(("backend", "workers", "steps/s", "CPU ms a step, workers and dispatcher"), rows)


def _signing(found: Found) -> str:
    row = _row_of(lambda line: [f"{line['steps_per_second']:.0f}", f"{line['worker_ms']:.2f}"])
    rows = [[name, how, *row(line, 2)] for name, pair in found.items() for how, line in pair.items()]
    return _table(("backend", "signing", "steps/s", "CPU ms a step, worker"), rows)


def _branches(found: Found) -> str:
    row = _row_of(
        lambda line: [
            *(f"{line[key]:.0f}" for key in ("items_per_second", "runs_per_second", "grown_mb", "beside_item_bytes")),
            f"{line['parallel_ms']:.1f} to {line['row_ms']:.1f}",
        ]
    )
    heads = ("items/s", "runs of one step/s", "memory, MB", "message beside its item, bytes", "at once to in a row, ms")
    return _table(("backend", *heads), [[name, *row(line, 5)] for name, line in found.items()])


def _waiting(found: Found) -> str:
    row = _row_of(
        lambda line: [
            f"{line['waiting']:,}",
            f"{line['worker_percent']:.2f}",
            f"{line['beside_ms']:.1f} to {line['alone_ms']:.1f}",
            f"{line['resumed_seconds']:.1f} s ({line['signalled']:,} runs)",
        ]
    )
    heads = (
        "runs that wait",
        "idle worker, % of a core",
        "another run, beside to alone, ms",
        "signalled and completed",
    )
    return _table(("backend", *heads), [[name, *row(line, 4)] for name, line in found.items()])


def _when(found: Found) -> str:
    row = _row_of(lambda line: [f"{line['steps_per_second']:.0f}", f"{line['worker_ms'] + line['server_ms']:.2f}"])
    rows = [[name, how, *row(line, 2)] for name, pair in found.items() for how, line in pair.items()]
    return _table(("backend", "condition", "steps/s", "CPU ms a step"), rows)


def _kills(found: Found) -> str:
    row = _row_of(
        lambda line: [
            f"{line['killed']:.0f}",
            *(", ".join(f"{line[f'{name}_{what}']:.2f}" for what in ("p50", "p99", "max")) for name in ("new", "left")),
        ]
    )
    heads = ("workers killed", "new steps: p50, p99, longest, s", "steps of the dead, from the end of the lease, s")
    return _table(("backend", *heads), [[name, *row(line, 3)] for name, line in found.items()])


def _telemetry(found: Found) -> str:
    rows: list[list[str]] = []
    for name, ways in found.items():
        off = ways["off"].get("steps_per_second")
        for how, line in ways.items():
            rate = line.get("steps_per_second")
            share = f"{rate / off:.2f}" if rate and off else NONE
            cells = (
                [f"{rate:.0f}", f"{line['worker_ms']:.2f}"]
                if rate
                else [f"not measured: {_short(line['failed'])}", NONE]
            )
            rows.append([name, TOLD[how], *cells, share])
    return _table(("backend", "told", "steps/s", "CPU ms a step, worker", "to nothing"), rows)


def _cold(found: Found) -> str:
    rows = [
        [kind, f"{line['ms']:.0f}", f"{line['cpu_ms']:.0f}" if "cpu_ms" in line else NONE]
        for kind, line in found.items()
    ]
    return _table(("what", "ms", "CPU ms"), rows)


def _message(found: Found) -> str:
    row = _row_of(lambda line: [f"{line['first_bytes']:,}", f"{line['last_bytes']:,}"])
    heads = ("steps of the run", "first message, bytes (all ahead)", "last message, bytes (all behind)")
    return _table(heads, [[f"{int(count):,}", *row(line, 2)] for count, line in found.items()])


def _row_of(cells: Callable[[Found], list[str]]) -> Callable[[Found, int], list[str]]:
    """Return what writes these cells, or why there are none."""

    def row(line: Found, width: int) -> list[str]:
        return [f"failed: {_short(line['failed'])}", *[NONE] * (width - 1)] if "failed" in line else cells(line)

    return row


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(reason: str) -> str:
    """Return the last line, fit for a cell."""
    return reason.strip().splitlines()[-1][:160].replace("|", "/")


def _agents(found: Found) -> str:
    heads = ("backend", "bare run", "step", "step with a budget", "replay", "checkpoints a second")
    return _table(heads, [_agents_row(name, line) for name, line in found.items()])


def _agents_row(name: str, line: Found) -> list[str]:
    if "failed" in line:
        return [name, *[NONE] * 4, f"not measured: {_short(line['failed'])}"]
    bare = line["bare_ms"]
    parts = [f"{line[kind]:.0f} ms ({line[kind] / bare:.2f} x)" for kind in ("step_ms", "budget_ms", "replay_ms")]
    return [name, f"{bare:.0f} ms", *parts, f"{line['rows_per_second']:.0f}"]


TABLES: dict[str, tuple[str, Callable[[Found], str]]] = {
    "throughput": ("Throughput", _throughput),
    "latency": ("Latency of one idle run of three steps", _latency),
    "steps": ("Longer runs", _growth("steps a run")),
    "payload": ("Larger payloads", _growth("bytes")),
    "processes": ("More workers", _processes),
    "signing": ("Signed hops", _signing),
    "telemetry": ("Logs, metrics and traces", _telemetry),
    "agents": ("Agents: CPU of ten instant requests and nine tools, twenty at a time", _agents),
    "branches": ("Branches", _branches),
    "waiting": ("Runs that wait", _waiting),
    "conditions": ("Steps with a true condition", _when),
    "kills": ("How long due steps lie while workers are killed", _kills),
    "idle": ("An idle worker", _idle),
    "memory": ("Memory while runs wait", _memory),
    "cold": ("Starting", _cold),
    "message": ("Size of messages", _message),
}

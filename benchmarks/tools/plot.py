"""Draw the throughput as bars, from the JSON of the results: ``plot.py RESULTS SVG``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib import rcParams
from matplotlib.figure import Figure

rcParams["svg.hashsalt"] = "paigeant"  # the same results give the same file

COLOURS = {"paigeant": "#2a6f97", "engine loop": "#a9c6d9", "raw loop": "#d5e3ec"}
PEER = "#b8b8b8"


def main(source: Path, target: Path) -> None:
    """Write the picture."""
    found = json.loads(source.read_text("utf-8"))["throughput"]["found"]
    lines = [line for line in found.values() if "steps_per_second" in line][::-1]
    names = [f"{line['who']}, {line['backend']}" for line in lines]
    rates = [line["steps_per_second"] for line in lines]
    spread = [
        [line["steps_per_second"] - line["least"] for line in lines],
        [line["most"] - line["steps_per_second"] for line in lines],
    ]
    figure = Figure(figsize=(9, 0.32 * len(lines) + 1), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, rates, xerr=spread, color=[COLOURS.get(line["who"], PEER) for line in lines], ecolor="#555")
    axes.bar_label(bars, fmt="%.0f", padding=4)
    axes.set_xlabel("steps a second (median of the rounds, least and most)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(target, metadata={"Date": None})
    target.write_text("\n".join(line.rstrip() for line in target.read_text("utf-8").splitlines()) + "\n", "utf-8")


main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Metrics of several processes merged into one text, with a label for the process of each sample."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_SAMPLE: Final = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")


def merge(texts: Mapping[str, str], label: str = "process") -> str:
    """Merge texts in Prometheus's format; the keys are the values of the label."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for process, text in texts.items():
        family = ""
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
                heads.setdefault(family, [])
            if line.startswith("#"):
                if line not in heads.setdefault(family, []):
                    heads[family].append(line)
            elif found := _SAMPLE.fullmatch(line):
                name, labels, value = found.groups()
                more = f'{label}="{process}"' + (f",{labels}" if labels else "")
                samples.setdefault(family, []).append(f"{name}{{{more}}} {value}")
    return "".join(f"{line}\n" for family, head in heads.items() for line in (*head, *samples.get(family, ())))

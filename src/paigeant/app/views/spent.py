"""Spending in words."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from paigeant.model.runs import StepView
from paigeant.model.spending.costs import Usage, decimal_text

_CENT: Final = Decimal("0.01")


def dollars(usage: Usage) -> str:
    """Return an amount: two decimals from a dollar on, four significant digits below; and the unpriced requests."""
    text = ""
    if usage.usd is not None:
        small = 0 < usage.usd < 1
        text = f"${decimal_text(Decimal(f'{usage.usd:.2g}'))}" if small else f"${usage.usd.quantize(_CENT)}"
    unpriced = f"{_counted(usage.unpriced, 'request')} unpriced" if usage.unpriced else ""
    return " + ".join(part for part in (text, unpriced) if part) or "$0"


def calls_line(step: StepView) -> str:
    """Return a summary of a step's calls: ``3 model calls, 2 tools, 1 replayed, 1,234 tokens, $0.0012``."""
    calls, usage = step.calls, step.usage
    parts: list[str] = []
    if calls is not None:
        parts += [_counted(calls.requests, "model call")] if calls.requests else []
        parts += [_counted(calls.tools, "tool")] if calls.tools else []
        parts += [f"{calls.replayed} replayed"] if calls.replayed else []
    if usage is not None and usage.requests:
        parts += [f"{usage.input_tokens + usage.output_tokens:,} tokens", dollars(usage)]
    return ", ".join(parts)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

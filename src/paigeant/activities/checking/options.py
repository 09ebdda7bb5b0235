"""Checks of a step's options and explicit arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from paigeant.activities.binding import Parameter
from paigeant.activities.checking.histories import Histories
from paigeant.activities.checking.retries import retry_flaws
from paigeant.activities.handlers import Activity
from paigeant.model.entries.step import Step
from paigeant.model.values.json_text import to_json
from paigeant.model.values.shapes import first_problem, read


def option_flaws(step: Step, activity: Activity, histories: Histories) -> Iterator[tuple[str, str]]:
    """Return flaws of a step's options, as rules and reasons."""
    if (why := activity.refusal(step)) is not None:
        yield "agent-options", why
    if (why := histories.flaw(step)) is not None:
        yield "missing-history", why
    yield from (("unknown-error", why) for why in retry_flaws(step.retry or activity.execute.retry))


def explicit_flaw(parameter: Parameter, value: Any) -> tuple[str, str] | None:
    """Return the flaw of an explicit argument of the step, as a rule and a reason; None if it is valid."""
    try:
        read(parameter.shape, to_json(value))
    except ValidationError as error:
        return "wrong-type", f"its explicit argument {parameter.name!r} is invalid: {first_problem(error)}"
    except Exception:  # noqa: BLE001  (a validator of the user's; the step will say it)
        return None
    return None

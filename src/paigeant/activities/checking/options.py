"""What a step says of itself, beside where its arguments come from: its options, and its explicit arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from paigeant.activities.binding import Parameter
from paigeant.activities.checking.histories import history_flaw
from paigeant.activities.checking.retries import retry_flaws
from paigeant.activities.handlers import Activity
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step
from paigeant.model.values.json_text import to_json
from paigeant.model.values.shapes import first_problem, read


def option_flaws(
    step: Step, activity: Activity, position: int, steps: Sequence[Step], registry: ActivityRegistry
) -> Iterator[tuple[str, str]]:
    """Return what is wrong with the options of a step, as rules and reasons; ``steps`` are all of its workflow."""
    if (why := activity.refusal(step)) is not None:
        yield "agent-options", why
    if (why := history_flaw(activity, position, steps, registry)) is not None:
        yield "missing-history", why
    yield from (("unknown-error", why) for why in retry_flaws(step.retry or activity.execute.retry))


def explicit_flaw(parameter: Parameter, value: Any) -> tuple[str, str] | None:
    """Return what is wrong with an argument that the step gives itself, as a rule and a reason."""
    try:
        read(parameter.shape, to_json(value))
    except ValidationError as error:
        return "wrong-type", f"its explicit argument {parameter.name!r} is invalid: {first_problem(error)}"
    except Exception:  # noqa: BLE001  (a validator of the user's; the step will say it)
        return None
    return None

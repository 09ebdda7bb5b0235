"""What the worker serves: a planner that writes the whole itinerary of a trip, and what an itinerary may be made of."""

from typing import Any

import models
from pydantic import BaseModel
from pydantic_ai import Agent

from paigeant import ActivityContext, Completed, RevisionPolicy, Terminal, Workflow, activity

FULL = "Atlantis"
"""A city in which no table is to be had: what was booked before is cancelled."""


class Idea(BaseModel):
    """What the planner says of its plan."""

    title: str
    why: str


STEPS = ("train", "hotel", "museum", "boat", "dinner")

planner = Agent(
    models.choose(),
    name="planner",
    output_type=Idea,
    instructions=(
        "You plan trips of one to five days. Write the whole plan with one call of change_plan: insert a train, a "
        "hotel, and for each day what fits the wish, in the order in which it happens, each with its arguments. Then "
        "give the trip a title, and say why you planned it so."
    ),
    defer_model_check=True,
)
activity.agent(planner, prompt="{wish}", can_revise=RevisionPolicy(allow=STEPS, max_added=20))


def noted(diary: list[str], line: str) -> Completed[str]:
    """Return what a step came to, with the diary of all of them: each step may come several times."""
    return Completed(line, variables={"diary": [*diary, line]})


@activity.execute()
def train(city: str, ctx: ActivityContext, diary: list[str] = []) -> Completed[str]:  # noqa: B006  (it is bound by name)
    """Book a train to a city."""
    return noted(diary, f"a train to {city} (ticket {ctx.step_id.hex[:4]})")


@activity.execute()
def hotel(city: str, nights: int, ctx: ActivityContext, diary: list[str] = []) -> Completed[str]:  # noqa: B006
    """Book a hotel in a city for so many nights."""
    return noted(diary, f"{nights} nights in {city} (booking {ctx.step_id.hex[:4]})")


@activity.execute()
def museum(day: int, about: str, diary: list[str] = []) -> Completed[str]:  # noqa: B006
    """Buy tickets of a museum for a day of the trip, about something."""
    return noted(diary, f"day {day}: the museum of {about}")


@activity.execute()
def boat(day: int, diary: list[str] = []) -> Completed[str]:  # noqa: B006
    """Rent a boat for a day of the trip."""
    return noted(diary, f"day {day}: on the water")


@activity.execute()
def dinner(day: int, city: str, diary: list[str] = []) -> Completed[str]:  # noqa: B006
    """Reserve a table for the evening of a day."""
    if city == FULL:
        raise Terminal(f"there is no table in {FULL}")
    return noted(diary, f"day {day}: dinner in {city}")


@activity.compensate("train")
def return_ticket(output: str) -> None:
    """Return the ticket."""
    print(f"returned: {output}", flush=True)


@activity.compensate("hotel")
def cancel_hotel(output: str) -> None:
    """Cancel the booking."""
    print(f"cancelled: {output}", flush=True)


@activity.execute()
def sum_up(planner: Idea, diary: list[str] = []) -> dict[str, Any]:  # noqa: B006
    """Say what the trip has become."""
    return {"title": planner.title, "why": planner.why, "trip": diary}


trip = Workflow("trip", ["planner", "sum_up"], revision=RevisionPolicy(allow=STEPS, max_added=20))

"""What the worker serves: three agents and three functions, joined to the workflow `support`."""

from decimal import Decimal
from typing import Literal

import models
import shop
from pydantic import BaseModel
from pydantic_ai import Agent

from paigeant import ActivityContext, Completed, Revised, Step, Terminal, Workflow, activity


class Triage(BaseModel):
    """What a mail is about."""

    wish: Literal["refund", "delivery", "other"]
    order_id: str | None
    summary: str


class Draft(BaseModel):
    """A reply, not yet sent."""

    subject: str
    body: str


class Review(BaseModel):
    """Whether a reply may be sent."""

    approved: bool
    reason: str


class Refund(BaseModel):
    """Money paid back."""

    order_id: str
    amount: Decimal


# -- the agents

triage = Agent(
    models.choose(models.triage),
    name="triage",
    output_type=Triage,
    instructions="You sort the mail of a small shop. `order_id` looks like A-1234, or is null if the mail names none.",
    defer_model_check=True,
)
drafting = Agent(
    models.choose(models.draft),
    name="draft",
    output_type=Draft,
    instructions="You answer customers of a small shop: kind, short, and only with what you were told.",
    defer_model_check=True,
)
review = Agent(
    models.choose(models.review),
    name="review",
    output_type=Review,
    instructions=(
        "You check replies before they are sent. Refuse one that grants a refund for an order delivered more than 30 "
        "days before the date of the mail. Approve any other that answers the mail and promises nothing else."
    ),
    defer_model_check=True,
)


def brief(mail: str, triage: Triage, look_up: shop.Order | None, refund: Refund | None = None) -> str:
    """Tell the drafting agent all there is; a prompt's parameters are bound by name, like those of an activity."""
    order = look_up.model_dump_json() if look_up else "none of ours"
    granted = f"{refund.amount} EUR, paid back today" if refund else "none"
    return f"Mail:\n{mail}\nSummary: {triage.summary}\nOrder: {order}\nRefund: {granted}"


activity.agent(triage, prompt="{mail}")
activity.agent(drafting, prompt=brief)
activity.agent(review, prompt="Mail:\n{mail}\nOrder: {look_up}\nReply: {draft.subject}\n{draft.body}")


# -- the functions


@activity.execute()
def look_up(triage: Triage) -> Revised[shop.Order] | shop.Order | None:
    """Find the order; if the customer wants the money back, a refund becomes the next step of this run."""
    order = shop.find_order(triage.order_id) if triage.order_id else None
    if order is None or triage.wish != "refund":
        return order
    return Revised(order, insert=[Step("refund")])


@activity.execute()
def refund(look_up: shop.Order, ctx: ActivityContext) -> Completed[Refund]:
    """Pay back what the order cost: the amount is ours, whatever a mail or a model says."""
    shop.move_money(look_up.id, look_up.price, ctx.idempotency_key)
    granted = Refund(order_id=look_up.id, amount=look_up.price)
    return Completed(granted, log=granted)


@activity.compensate("refund")
def take_back(log: Refund, ctx: ActivityContext) -> None:
    """Undo a refund, with what it noted in its log; `ctx.idempotency_key` is another one on the way back."""
    shop.move_money(log.order_id, -log.amount, ctx.idempotency_key)


@activity.execute()
def send(sender: str, draft: Draft, review: Review, ctx: ActivityContext) -> str:
    """Send the reply, or end the run for good: then what it did is undone."""
    if not review.approved:
        raise Terminal(f"the reply was not approved: {review.reason}")
    shop.send_mail(sender, draft.subject, draft.body, ctx.idempotency_key)
    return draft.subject


support = Workflow("support", ["triage", "look_up", "draft", "review", "send"])

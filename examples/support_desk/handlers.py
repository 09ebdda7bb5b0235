"""What the worker serves: four agents and two functions, joined to the workflow `support`."""

from decimal import Decimal
from typing import Literal

import models
import shop
from pydantic import BaseModel
from pydantic_ai import Agent, ApprovalRequired, ModelRetry, RunContext

from paigeant import ActivityContext, Budget, Revised, RevisionPolicy, Step, Terminal, Workflow, activity

LARGE = Decimal(100)
"""A refund of more than this waits for a person."""


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
cashier = Agent(
    models.choose(models.refund),
    name="refund",
    deps_type=shop.Order,
    output_type=Refund,
    instructions="You pay customers back: call pay_back once, and report exactly what it has paid.",
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
        "days before the date of the mail. Send one back that says of a delivery nothing by which the customer knows "
        "which order is meant: insert draft and review with change_plan, and do not approve it. Approve any other that "
        "answers the mail and promises nothing else."
    ),
    defer_model_check=True,
)


@cashier.tool
def pay_back(run: RunContext[shop.Order]) -> str:
    """Pay back what the order cost: the amount is ours, whatever a mail or a model says."""
    order = run.deps
    if order.price > LARGE and not run.tool_call_approved:
        raise ApprovalRequired({"customer": order.customer, "item": order.item, "amount": str(order.price)})
    shop.move_money(order.id, order.price, ActivityContext.current().idempotency_key)
    return f"paid {order.price} EUR"


@cashier.output_validator
def is_what_was_paid(run: RunContext[shop.Order], granted: Refund) -> Refund:
    """Let no model report another amount."""
    if granted != Refund(order_id=run.deps.id, amount=run.deps.price):
        raise ModelRetry(f"order {run.deps.id} was paid back with {run.deps.price} EUR")
    return granted


def the_order(look_up: shop.Order) -> shop.Order:
    """Give the cashier the order; a factory's parameters are bound by name, like those of an activity."""
    return look_up


def brief(
    mail: str, triage: Triage, look_up: shop.Order | None, refund: Refund | None = None, review: Review | None = None
) -> str:
    """Tell the drafting agent all there is, and what was wrong with an earlier draft."""
    order = look_up.model_dump_json() if look_up else "none of ours"
    granted = f"{refund.amount} EUR, paid back today" if refund else "none"
    said = review.reason if review else "nothing yet"
    return f"Mail:\n{mail}\nSummary: {triage.summary}\nOrder: {order}\nRefund: {granted}\nReviewer: {said}"


activity.agent(triage, prompt="{mail}")
activity.agent(cashier, prompt="Order: {look_up.id}\nPrice: {look_up.price}", deps=the_order)
activity.agent(drafting, prompt=brief)
activity.agent(
    review,
    prompt="Mail:\n{mail}\nOrder: {look_up}\nReply: {draft.subject}\n{draft.body}",
    can_revise=RevisionPolicy(allow=("draft", "review"), max_added=2),
)


# -- the functions


@activity.execute()
def look_up(triage: Triage) -> Revised[shop.Order] | shop.Order | None:
    """Find the order; if the customer wants the money back, a refund becomes the next step of this run."""
    order = shop.find_order(triage.order_id) if triage.order_id else None
    if order is None or triage.wish != "refund":
        return order
    return Revised(order, insert=[Step("refund")])


@activity.compensate("refund")
def take_back(look_up: shop.Order, ctx: ActivityContext) -> None:
    """Undo a refund; `ctx.idempotency_key` is another one on the way back."""
    shop.move_money(look_up.id, -look_up.price, ctx.idempotency_key)


@activity.execute()
def send(sender: str, draft: Draft, review: Review, ctx: ActivityContext) -> str:
    """Send the reply, or end the run for good: then what it did is undone."""
    if not review.approved:
        raise Terminal(f"the reply was not approved: {review.reason}")
    shop.send_mail(sender, draft.subject, draft.body, ctx.idempotency_key)
    return draft.subject


support = Workflow(
    "support",
    ["triage", "look_up", "draft", "review", "send"],
    revision=RevisionPolicy(allow=("refund", "draft", "review"), max_added=3),
    budget=Budget(tokens=50_000),
)

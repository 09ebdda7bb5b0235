"""Explanations of what holds a hop, by the reason that its row names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paigeant.model.runs import WaitReason

HELD: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    WaitReason.SLEEP: ("{step} sleeps", "nobody: it goes on by itself", ("cancel",)),
    WaitReason.INTERRUPTED: (
        "the worker died while step {step} ran, and nobody knows how far it came",
        "you: look what it did, then retry or cancel",
        ("retry", "cancel"),
    ),
    WaitReason.CONTRACT: (
        "the code of step {step} has changed since the run was dispatched, and may not fit",
        "you: start a worker with code that fits, or accept what there is",
        ("retry --accept-contract", "cancel"),
    ),
    WaitReason.TAMPERED: (
        "the message of step {step} is not the one that was recorded: somebody has edited the store",
        "you: find out who, put it right, then retry; or end the run",
        ("retry", "cancel", "terminate"),
    ),
    WaitReason.UNSIGNED: (
        "the run began unsigned, and signing is on: nothing shows what it was given",
        "you: look at it, then vouch for it as it lies; or terminate it and dispatch it again",
        ("audit adopt", "terminate"),
    ),
    WaitReason.REVOKED: (
        "step {step} rests on what was signed with a key that did not count any more: {error}",
        "you: find out who has signed it, then terminate",
        ("terminate",),
    ),
    WaitReason.EXPIRED: (
        "the run is older than its dispatcher has allowed: {error}",
        "you: decide whether it may go on",
        ("terminate",),
    ),
    WaitReason.DIVERGED: (
        "step {step} asks for something else than it has recorded",
        "you: bring the code back, or forget what is recorded",
        ("retry --afresh", "cancel"),
    ),
    WaitReason.PROVIDER: (
        "step {step} waits for its model's provider, which asks for a pause, or answers later",
        "nobody: it goes on by itself",
        ("retry", "cancel"),
    ),
    WaitReason.REAUTHENTICATION: (
        "the token of the person for whom step {step} acts has run out",
        "that person: sign in again, and renew the identity with the new token",
        ("identity renew", "cancel"),
    ),
    WaitReason.INTERNAL: (
        "something in Paigeant or a plugin failed at step {step}: {error}",
        "you: look at the log, then retry",
        ("retry", "cancel"),
    ),
    "unreadable": (
        "the message of step {step} cannot be read here",
        "you: start a worker of the version that wrote it, or with its keys",
        ("retry", "terminate"),
    ),
    WaitReason.BUDGET: (
        "step {step} has no room left in a budget",
        "you: raise it, or say no, with what paigeant approvals lists",
        ("approve", "deny", "retry", "cancel"),
    ),
    "approval": ("step {step} waits for an approval", "whoever may approve", ("approve", "deny", "cancel")),
}
"""Explanations of reasons to hold a hop: the sentence, who can act, commands that help."""

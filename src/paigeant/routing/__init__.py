"""Routing: pure decisions about a run: whether a step may run, what follows its outcome, and how a run ends."""

from paigeant.routing.admit import MISMATCH_BACKOFF, admit, dispatched_against, has_begun, no_compensator, stop
from paigeant.routing.advance import advance
from paigeant.routing.close import cancelled, close, close_unread, deadline_passed, unreadable
from paigeant.routing.conditions import Seen, asked_by, begin, check_conditions, decide, names_asked_by
from paigeant.routing.fail import Failure, fail, fail_internally, give_up
from paigeant.routing.itinerary import identify
from paigeant.routing.nodes import decide_node, wanted_by
from paigeant.routing.revision import RevisionRefused, entries_ahead, revise
from paigeant.routing.rules import Declared, Rules
from paigeant.routing.secrecy.entries import check_apart, check_secrets
from paigeant.routing.unwind import diverged, left_alone, over_budget, reauthenticate, room_later

__all__ = [
    "MISMATCH_BACKOFF",
    "Declared",
    "Failure",
    "RevisionRefused",
    "Rules",
    "Seen",
    "admit",
    "advance",
    "asked_by",
    "begin",
    "cancelled",
    "check_apart",
    "check_conditions",
    "check_secrets",
    "close",
    "close_unread",
    "deadline_passed",
    "decide",
    "decide_node",
    "dispatched_against",
    "diverged",
    "entries_ahead",
    "fail",
    "fail_internally",
    "give_up",
    "has_begun",
    "identify",
    "left_alone",
    "names_asked_by",
    "no_compensator",
    "over_budget",
    "reauthenticate",
    "revise",
    "room_later",
    "stop",
    "unreadable",
    "wanted_by",
]

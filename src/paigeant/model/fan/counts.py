"""Counts of branches: how far an entry with branches has come, for whoever looks at a run."""

from __future__ import annotations

from pydantic import BaseModel


class BranchCounts(BaseModel, frozen=True):
    """Of the branches of a node, how many have ended in which way, and how many have not.

    On the way back, ``total`` are those that are to be undone, and ``completed`` those that are. Those that never began
    because they were not needed, or not wanted any more, count as ``cancelled``.
    """

    total: int
    completed: int
    failed: int
    cancelled: int
    open: int

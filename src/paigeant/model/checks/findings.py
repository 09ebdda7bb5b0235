"""What a part finds when it examines itself: what was looked at, what was there, and how to fix it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel


class Severity(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as it could, or not for ever; also what passes by itself: a full memory, a busy server."""
    PROBLEM = "problem"
    """It does not work until somebody fixes it."""


class Finding(BaseModel, frozen=True):
    """One thing that was looked at; ``about`` names it in a word or two, always the same: ``version``, ``rights``.

    ``said`` is one line on what was there, and ``fix`` one on what to do, which all but the good ones have. No
    password is in them. ``forgets`` marks a setting by which the server may forget what it has confirmed: a warning
    while developing, and with ``PAIGEANT_ENV=prod`` a problem, so that no worker starts.
    """

    about: str
    severity: Severity
    said: str
    fix: str | None = None
    forgets: bool = False

    @classmethod
    def ok(cls, about: str, said: str) -> Self:
        """Return that this is as it should be."""
        return cls(about=about, severity=Severity.OK, said=said)

    @classmethod
    def warning(cls, about: str, said: str, fix: str, *, forgets: bool = False) -> Self:
        """Return that this will do for now."""
        return cls(about=about, severity=Severity.WARNING, said=said, fix=fix, forgets=forgets)

    @classmethod
    def problem(cls, about: str, said: str, fix: str) -> Self:
        """Return that this will not do."""
        return cls(about=about, severity=Severity.PROBLEM, said=said, fix=fix)

    def judged(self, env: str) -> Finding:
        """Return the finding as it counts in this environment, ``dev`` or ``prod``."""
        grave = self.forgets and env == "prod" and self.severity is Severity.WARNING
        return self.model_copy(update={"severity": Severity.PROBLEM}) if grave else self

"""Findings of a part that examines itself: the subject, the state, and the remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel


class Severity(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as it could, or not for ever; also what passes by itself: a full memory, a busy server."""
    PROBLEM = "problem"
    """It does not work until somebody fixes it."""


class Finding(BaseModel, frozen=True):
    """Result of one check; ``about`` names its subject in a word or two, always the same: ``version``, ``rights``.

    ``said`` is one line about the state, and ``fix`` one with the remedy, which all but good findings have. Neither
    contains a password. ``forgets`` marks a setting with which the server may lose confirmed data: a warning during
    development, and with ``PAIGEANT_ENV=prod`` a problem, so that no worker starts.
    """

    about: str
    severity: Severity
    said: str
    fix: str | None = None
    forgets: bool = False

    @classmethod
    def ok(cls, about: str, said: str) -> Self:
        """Return a finding without a problem."""
        return cls(about=about, severity=Severity.OK, said=said)

    @classmethod
    def warning(cls, about: str, said: str, fix: str, *, forgets: bool = False) -> Self:
        """Return a finding that is acceptable for now."""
        return cls(about=about, severity=Severity.WARNING, said=said, fix=fix, forgets=forgets)

    @classmethod
    def problem(cls, about: str, said: str, fix: str) -> Self:
        """Return a finding that must be fixed."""
        return cls(about=about, severity=Severity.PROBLEM, said=said, fix=fix)

    def judged(self, env: str) -> Finding:
        """Return the finding with its severity in this environment, ``dev`` or ``prod``."""
        grave = self.forgets and env == "prod" and self.severity is Severity.WARNING
        return self.model_copy(update={"severity": Severity.PROBLEM}) if grave else self

"""What a process of the drama is given when it is started."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from chaos.effects import EffectsLog
from chaos.points import Deaths, Points
from paigeant.config import Settings
from paigeant.telemetry.output import configure

NAMESPACE = "chaos"


@dataclass(frozen=True)
class Orders:
    """Where everything is, and where to die: ``armed`` is a crash point, ``at`` the time that counts.

    ``forgetful`` is the share of the store's answers that are lost; ``mutation`` a safeguard that is taken out.
    """

    name: str
    folder: Path
    store: str
    transport: str | None
    lease: float
    seed: int
    topics: tuple[str, ...] = ()
    concurrency: int = 16
    armed: str | None = None
    at: int = 1
    pauses: bool = False
    forgetful: float = 0.0
    mutation: str | None = None
    poison_every: int = 0
    ended: float = 0.0
    slow: float = 0.0
    plain: bool = False
    endpoint: int = 0
    """The port of the provider of models."""
    grace: float = field(default=0.1)

    @property
    def settings(self) -> Settings:
        """The settings of this process, none of them from the environment."""
        return Settings(
            store=self.store, transport=self.transport, namespace=NAMESPACE, lease=self.lease, grace=self.grace
        )

    @property
    def points(self) -> Points:
        """The crash points, one of them armed."""
        return Points(Deaths(self.folder / "deaths.log"), self.armed, self.at, pauses=self.pauses)

    @property
    def effects(self) -> EffectsLog:
        """The effects log."""
        return EffectsLog(self.folder / "effects.log")

    @property
    def tools(self) -> EffectsLog:
        """The log of what an agent's tools did."""
        return EffectsLog(self.folder / "tools.log")

    def speak_into_a_file(self) -> None:
        """Send all that this process says to a file of its own."""
        for name in [name for name in os.environ if name.upper().startswith("PAIGEANT_")]:
            del os.environ[name]
        descriptor = os.open(self.folder / f"{self.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        configure("json", "warning")
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]

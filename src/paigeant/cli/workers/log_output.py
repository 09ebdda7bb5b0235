"""Log of a long-running program, by the settings: to stderr or a file, and to a sink."""

from __future__ import annotations

from pathlib import Path

from paigeant.app.upkeep.log_lines import open_sink
from paigeant.config import Settings
from paigeant.telemetry.output import configure


def configure_logs(settings: Settings) -> None:
    """Send all logs to the configured outputs; raises ConfigError for a file that cannot be opened."""
    file = None if settings.log_file is None else settings.folder / Path(settings.log_file).expanduser()
    sink = open_sink(settings)
    configure(settings.log_format, settings.log_level, file, () if sink is None else (sink,))

"""Whether to trace: found out without loading OpenTelemetry where nobody has asked for it."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from paigeant.abc import Hooks
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.telemetry.logs import LogHooks

_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")


def choose_hooks(settings: Settings) -> list[Hooks]:
    """Return the hooks of an application: logs always, traces where somebody has asked for them."""
    return [LogHooks(payloads=settings.log_payloads), *trace_hooks()]


def trace_hooks() -> list[Hooks]:
    """Return the hooks that trace: by the program's provider, or to where ``OTEL_*`` says; none where neither is.

    Raises ConfigError if an exporter is named and the extra ``otel`` is missing.
    """
    asked = any(os.environ.get(name) for name in _VARIABLES)
    if not asked and "opentelemetry.sdk.trace" not in sys.modules:
        return []
    if find_spec("opentelemetry.exporter.otlp.proto.http" if asked else "opentelemetry.sdk") is None:
        text = "OTEL_* names an exporter of traces, but OpenTelemetry is missing: pip install 'paigeant[otel]'"
        raise ConfigError(text)
    tracing: Any = import_module("paigeant.telemetry.tracing.provider").find_tracing()
    if tracing is None:
        return []
    return [import_module("paigeant.telemetry.tracing.hooks").TraceHooks(tracing)]

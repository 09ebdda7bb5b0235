"""Choice of tracing hooks, without loading OpenTelemetry unless tracing is configured."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from paigeant.abc import Hooks
from paigeant.config import Settings
from paigeant.telemetry.exporting import names_exporter
from paigeant.telemetry.logs import LogHooks

_LOG: Final = logging.getLogger("paigeant.traces")
_EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http"
_SDK: Final = "opentelemetry.sdk.trace"


def choose_hooks(settings: Settings) -> list[Hooks]:
    """Return the hooks of an application: logs always, traces if they are configured."""
    return [LogHooks(payloads=settings.log_payloads), *trace_hooks(os.environ, settings.trace_break)]


def trace_hooks(environ: Mapping[str, str], longest_wait: float = 3600.0) -> list[Hooks]:
    """Return the hooks that trace to the program's provider, or to the address in ``OTEL_*``; none without either.

    The variables are often set for a whole machine. Without the extra ``otel`` a program is therefore warned, and runs.
    """
    asked = names_exporter(environ)
    if not asked and _SDK not in sys.modules:
        return []
    if not _is_there(_EXPORTER if asked else _SDK):
        if asked:
            _warn()
        return []
    tracing: Any = import_module("paigeant.telemetry.tracing.provider").find_tracing()
    if tracing is None:
        return []
    return [import_module("paigeant.telemetry.tracing.hooks").TraceHooks(tracing, longest_wait=longest_wait)]


def _is_there(module: str) -> bool:
    """True if a module can be imported; a missing parent package means False."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@cache
def _warn() -> None:
    _LOG.warning("OTEL_* names an exporter of traces, but OpenTelemetry is missing: pip install 'paigeant[otel]'")

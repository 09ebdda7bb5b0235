"""Detection of a span exporter in the standard ``OTEL_*`` variables, without OpenTelemetry, which may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def names_exporter(environ: Mapping[str, str]) -> bool:
    """True if the variables name a destination of spans, and do not switch it off."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    return exporter == "otlp" or any(environ.get(name) for name in _ENDPOINTS)

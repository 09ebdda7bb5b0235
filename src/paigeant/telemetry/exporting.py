"""Whether the standard ``OTEL_*`` variables name where spans go; known without OpenTelemetry, which may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def names_exporter(environ: Mapping[str, str]) -> bool:
    """Tell whether the variables name where spans are exported to, and do not turn that off."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    return exporter == "otlp" or any(environ.get(name) for name in _ENDPOINTS)

"""Traces by OpenTelemetry: loaded only where an exporter is named, or the program traces."""

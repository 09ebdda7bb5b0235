"""Traces by OpenTelemetry: loaded only if an exporter is configured, or the program traces."""

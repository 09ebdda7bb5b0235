"""Telemetry: logs, metrics and traces, as hooks that nothing else depends on."""

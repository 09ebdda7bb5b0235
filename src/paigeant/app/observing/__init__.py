"""Observability of an application: logs, traces, metrics, probes."""

"""What an application shows of itself: logs, traces, metrics, probes."""

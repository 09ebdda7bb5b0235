"""The application for code that cannot await."""

from paigeant.app.blocking.synchronous import SyncPaigeant, SyncRun

__all__ = ["SyncPaigeant", "SyncRun"]

"""Store in this process's memory, for tests, and for work that need not outlive its process."""

from paigeant.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]

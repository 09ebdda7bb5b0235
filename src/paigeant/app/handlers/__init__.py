"""Handlers: where a user's code lies, how it is imported, and what is found in it."""

from paigeant.app.handlers.found import Handlers, read_handlers
from paigeant.app.handlers.loading import load_handlers

__all__ = ["Handlers", "load_handlers", "read_handlers"]

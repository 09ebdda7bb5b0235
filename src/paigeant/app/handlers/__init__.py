"""Handlers: where a user's code lies, how it is imported, what is found in it, and what an application has of it."""

from paigeant.app.handlers.catalog import Catalog
from paigeant.app.handlers.found import Handlers, read_handlers
from paigeant.app.handlers.loading import load_handlers

__all__ = ["Catalog", "Handlers", "load_handlers", "read_handlers"]

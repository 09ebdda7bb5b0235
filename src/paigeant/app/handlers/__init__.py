"""Handlers: location of a user's code, its activities and workflows, and their publication."""

from paigeant.app.handlers.catalog import Catalog
from paigeant.app.handlers.found import Handlers, read_handlers
from paigeant.app.handlers.loading import load_handlers

__all__ = ["Catalog", "Handlers", "load_handlers", "read_handlers"]

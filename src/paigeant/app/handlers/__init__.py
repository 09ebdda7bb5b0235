"""Handlers: where a user's code lies, what is found in it, what an application has of it, and what workers publish."""

from paigeant.app.handlers.catalog import Catalog
from paigeant.app.handlers.found import Handlers, read_handlers
from paigeant.app.handlers.loading import load_handlers

__all__ = ["Catalog", "Handlers", "load_handlers", "read_handlers"]

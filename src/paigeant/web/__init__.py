"""HTTP API and dashboard, over the run reader and the application; needs the extra ``web``."""

from paigeant.web.access import Access, Identity, Role, read_tokens
from paigeant.web.application import asgi

__all__ = ["Access", "Identity", "Role", "asgi", "read_tokens"]

"""The HTTP API and the dashboard, over the reader and the application face; needs the extra ``web``."""

from paigeant.web.access import Access, Identity, Role, read_tokens
from paigeant.web.application import asgi

__all__ = ["Access", "Identity", "Role", "asgi", "read_tokens"]

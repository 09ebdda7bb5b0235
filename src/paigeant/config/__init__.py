"""Settings as inert data, read from the environment and ``paigeant.yaml``; the environment wins."""

from paigeant.config.file import FILE
from paigeant.config.schema import json_schema
from paigeant.config.settings import DEFAULT, PREFIX, Settings, load_settings

__all__ = ["DEFAULT", "FILE", "PREFIX", "Settings", "json_schema", "load_settings"]

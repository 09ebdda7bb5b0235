"""Schema: tables, indexes, types, and versions."""

from paigeant.sql.schema.custody import records as records

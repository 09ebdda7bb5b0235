"""Tables, indexes, types, and the version of the schema."""

from paigeant.sql.schema.custody import records as records

"""Tables, indexes, types, and the version of the schema."""

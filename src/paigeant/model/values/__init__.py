"""Values of users: what may be one, how it is stored, compared and shown."""

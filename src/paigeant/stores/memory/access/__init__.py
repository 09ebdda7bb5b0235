"""Who may ask the HTTP API, in memory."""

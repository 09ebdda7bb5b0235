"""Who may ask the HTTP API: what every store must keep of it."""

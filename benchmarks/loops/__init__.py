"""The operations of each backend with no framework, and two loops over them: the raw loop and the engine loop."""

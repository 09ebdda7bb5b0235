"""From function to step: the registry, binding of arguments, the context."""

"""Activities: the registry, binding of arguments, and the context of a step."""

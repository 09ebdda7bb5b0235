"""What is held against what was signed beside hops: variables, and the children of a node."""

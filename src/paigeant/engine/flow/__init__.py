"""Flow: reads and decisions of nodes, the entries that are not activities."""

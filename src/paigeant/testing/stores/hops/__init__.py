"""The contract of a store of hops, one file a subject."""

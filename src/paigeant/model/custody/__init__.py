"""What is signed: records of hops."""

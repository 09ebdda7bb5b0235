"""What an audit holds against the records of a run, out of a store or out of a document that was exported."""

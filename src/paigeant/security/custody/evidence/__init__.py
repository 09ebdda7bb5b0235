"""Evidence of an audit: data that is compared with the records, from a store or from an exported document."""

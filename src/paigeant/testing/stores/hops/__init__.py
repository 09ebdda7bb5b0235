"""Contract tests of hops, one file for each subject."""

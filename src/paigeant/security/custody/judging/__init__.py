"""Verification of data besides hops: variables, branches, child runs, plans and notes."""

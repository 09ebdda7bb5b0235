"""Protocol of the stores: pure decisions about rows, without a clock, a lock or a query.

Each store keeps, finds and locks rows in its own way, and then asks these functions. So each decision is written once,
is the same in every store, and is what the model in the tests explores.
"""

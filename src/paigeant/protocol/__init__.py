"""What a store decides about the rows that it has read: pure functions, without a clock, a lock or a query.

Each store keeps, finds and locks rows in its own way, and then asks here. So a decision about a row is written once, is
the same in every store, and is what the model of the tests explores.
"""

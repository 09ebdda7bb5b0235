"""Group operations in one statement, which is a transaction by itself: for servers with a round trip each.

Rows that are not as expected are left unchanged, and processed by the judging path.
"""

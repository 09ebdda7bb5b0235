"""A group in one statement, which is a transaction by itself: where each statement is a round trip to a server.

What is not as such a statement expects it is left as it is, and goes the way that judges it.
"""

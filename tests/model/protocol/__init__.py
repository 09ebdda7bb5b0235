"""The hop protocol as it is built, as a model: small values, and pure functions from one world to the next.

Read it in this order: ``nouns`` (what there is), ``store`` (what one transaction does), ``deciding`` (what follows from
an outcome), ``working`` (what a worker does), ``surroundings`` (what happens to them all), ``promises`` (what must be
true of every step from one world to the next).
"""

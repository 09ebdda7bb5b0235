"""Trees as a model: branches and their join, a wait and its signals, a child and its parent, beside the trunk's model.

Read it in this order: ``nouns`` (what there is), ``store`` (what one transaction does, by the real decisions),
``moves`` (what may happen next), ``promises`` (what must be true of every world and step).
"""

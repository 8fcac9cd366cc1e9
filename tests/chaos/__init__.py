"""Injuries on purpose: ``python -m tests.chaos`` kills, starves and doubles loads, and compares what is left.

Every round has a database of its own: some injuries one after the other, then one undisturbed run, then the
log must be the one an undisturbed run makes of the same inbox. The same injuries, fewer, are in the suite.
"""

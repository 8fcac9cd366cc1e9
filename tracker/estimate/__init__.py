"""Estimate: from flow tables to survival, occupation, recurrence and regression, with their uncertainty.

Read ``risk_sets`` first: where every table and every set of spells comes in (``gate`` says what is refused),
and the two forms the estimators compute with. ``Stays`` has a row for each spell; ``RiskSets`` has the counts
of a flow table, which is all that most estimators need. What they return is in ``results``.
"""

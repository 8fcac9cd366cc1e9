"""Links between stages, set-wise: which investigation a referral led to, which decision an investigation.

Explicit ids go before the same case, that before the nearest in time for the same child and municipality;
two equally near make the link ambiguous. ``evolve_links`` says the same for one child in plain Python.
"""

from __future__ import annotations

import duckdb

from tracker.projections.rules import Rules
from tracker.projections.workspace import run


def build_links(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Make ``referral_links``, ``intervention_links`` and ``follow_up_links``: one row a linked row."""
    run(
        connection,
        "links_candidates",
        opened_within=rules.opened_within,
        decided_within=rules.decided_within,
        followed_up_within=rules.followed_up_within,
    )
    for stage in ("referral", "intervention", "follow_up"):
        run(connection, "links_chosen", chosen=f"{stage}_links", candidates=f"{stage}_candidates")

"""tracker: one pseudonymous timeline per child, through the sorting chain of child welfare.

Read the packages in the order the data flows:

    domain        the vocabulary: periods, findings, specs, deliveries, events, chain
    intake        a delivered file becomes an Extract: columns recognised, nothing interpreted
    harmonise     an Extract becomes Claims: typed cells, rows checked; codebooks give meaning later
    pseudonymise  Claims become PseudonymousClaims: every identity replaced, numbers forgotten
    record        what a delivery says that the log did not know becomes Events
    projections   Events become timelines, spells, coverage, snapshots, flow summaries
    publish       tables, pictures and the sender's feedback
    postgres      the one door to the database
    synth         synthetic municipalities with a known truth

``pipeline`` tells that story in plain calls, ``wiring`` joins it to Postgres, keys and files, and
``cli`` is a thin command line over both.
"""

__version__ = "0.1.0"

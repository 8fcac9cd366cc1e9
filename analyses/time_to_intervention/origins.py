"""Where the clocks of the analysis start, what is waited for, and the waits themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tracker.desk.analyses import Study
from tracker.domain.chain import CLOSED
from tracker.domain.periods import PRELIMINARY_ASSESSMENT_DAYS
from tracker.projections.deadlines import LONGEST, by_due_day
from tracker.projections.waits import LEFT_FOR_GOOD, first_passages
from tracker.publish.wait_tables import at_months

FOURTEEN = PRELIMINARY_ASSESSMENT_DAYS
DUE = "four calendar months"
YEAR = "12 months"
LATER = at_months(6, 12)
INTO = {"granted": ("granted", "intervention"), "started": ("intervention",)}
"""What is waited for → the states that are entered by it."""


@dataclass(frozen=True)
class Origin:
    """Where a clock starts: the state, what to call it, the days to read at, and those to mark."""

    state: str
    said: str
    at: Mapping[str, int]
    marks: Mapping[float, str]


ORIGINS = (
    Origin(
        "referral",
        "referral",
        {"14 days": FOURTEEN, **at_months(1, 2, 3, 4), **LATER},
        {float(FOURTEEN): "14 days"},
    ),
    Origin(
        "investigation",
        "opened investigation",
        {**at_months(1, 2, 3), DUE: LONGEST, **LATER},
        {float(LONGEST): "four months"},
    ),
)

LABELS = {
    "granted": "granted",
    "started": "started",
    "closed": "closed without",
    "earlier_episodes": "earlier episodes",
}


def waits_of(study: Study, origin: Origin, event: str) -> pd.DataFrame:
    """A row for each wait from an origin to an event, or to closing, whichever came first.

    Those from an investigation are on the clock of its due day.
    """
    waits = first_passages(study.cohort, origin.state, {event: INTO[event], CLOSED: (CLOSED,)})
    return by_due_day(waits) if origin.state == "investigation" else waits


def causes(event: str) -> tuple[str, ...]:
    """All ways a wait for an event may end."""
    return (event, CLOSED, *LEFT_FOR_GOOD)

"""What counts as a return after closing, and what it is called."""

from __future__ import annotations

from tracker.domain.chain import CLOSED, default_chain
from tracker.estimate.recurrence import BY_CHILD
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.results import Method
from tracker.projections.waits import LEFT_FOR_GOOD
from tracker.publish.wait_tables import at_months

AT = at_months(6, 12, 18, 24)
YEAR = "12 months"
NEW = ("referral", "investigation")
OPENED = ("investigation",)
DECIDED = ("granted", "intervention")
RETURNS = {"re_referral": NEW, "repeat_investigation": OPENED}
"""What is a return → the states that are entered by it."""

LATER = "decided_later"
ALL = "all"
LABELS = {
    "re_referral": "re-referral",
    "repeat_investigation": "repeat investigation",
    LATER: "decision after closing",
    "episodes_before": "earlier episodes",
    ALL: "all municipalities",
}

STATES = (*default_chain().by_name, CLOSED, *LEFT_FOR_GOOD)
NUMBER = "episodes_before"
COUNTED = {
    "re_referral": Recurrence(NEW, out_of=(CLOSED,), terminal=LEFT_FOR_GOOD),
    "repeat_investigation": Recurrence(OPENED, out_of=(CLOSED, "referral"), terminal=LEFT_FOR_GOOD),
}
"""The returns a child can have, again and again."""

MEAN = Method(
    "mean number with a terminal event",
    "Cook and Lawless (1997); Ghosh and Lin (2000)",
    BY_CHILD,
    "log, 95 %",
)

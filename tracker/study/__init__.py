"""Study: ask a snapshot questions, from a script, a notebook or the prompt.

    import tracker.study

    study  = tracker.study.open("snapshot")                      # every file checked against its checksum
    cohort = study.cohort("transitions")                         # an analysis, a YAML file or a CohortSpec
    cohort.attrition                                             # who was left out, rule by rule

    flow = cohort.flow_table(clock="entry", by=["sex"])          # counts by stratum, state and moment
    flow.aalen_johansen().plot()                                 # where children are, day by day
    flow.aalen_johansen().at([180, 365, 730])                    # … as a table
    flow.aalen_johansen().expected_time([730])                   # days in each state

    cohort.incidence("intervention", by=["sex"]).plot()          # reached for the first time, since entry

    since = cohort.flow_table(clock="state")                     # the clock starts at each stay
    since.kaplan_meier("referral").median()                      # how long a stay lasts
    since.cumulative_incidence("closed").at([365])               # back within a year, or grown up

    cohort.cox("referral -> investigation", ["sex", "age_group"]).frame
    again = cohort.recurrence("referral", out_of="closed", terminal=["adult", "dead"])
    again.mean_count().plot()
    again.andersen_gill(["sex"]).frame

    study.flow_summary(by=["municipality", "year"]).frame        # what became of the referrals
    study.key_figures().not_returned

Reading order: ``Study`` gives ``Cohort``s, a cohort gives a ``Flow`` (counts on a clock) and models of its
stays, and each of those gives results. Nothing is estimated here: a method is a name for what
``tracker.estimate`` does, where formulas and sources stand.

Every result has ``frame`` (a tidy pandas table, a row for each number), ``about`` (which cohort, on which
clock, as of which position of the log), ``method`` (estimator, source, variance, interval, ties), ``plot()``
(a ``Picture``: shown by a notebook, ``.save("figure.svg")`` or ``.png`` elsewhere) and ``estimate``, the
result as ``tracker.estimate`` gives it. Times are days on the clock; shares are fractions of one.

Clocks: ``entry`` (since the child entered the cohort, its episodes go on), ``episode`` (since the
episode's first referral), ``state`` (since the state was entered), ``age``, ``calendar``.

What cannot honestly be given is refused in a sentence: EstimateError for data that do not carry a method,
UsageError for names that do not exist (with those that do), SnapshotError for a folder that is no snapshot
or was changed since it was written.
"""

from tracker.projections.flow_clock import Clock
from tracker.study.cohorts import Cohort
from tracker.study.flows import Flow, read_flow_table
from tracker.study.opened import Study, open
from tracker.study.pictures import Picture
from tracker.study.recurring import Recurring
from tracker.study.results import CurvesResult, ModelResult, OccupationResult, SummaryResult, TestResult
from tracker.study.summaries import FlowSummaryResult, KeyFiguresResult

__all__ = [
    "Clock",
    "Cohort",
    "CurvesResult",
    "Flow",
    "FlowSummaryResult",
    "KeyFiguresResult",
    "ModelResult",
    "OccupationResult",
    "Picture",
    "Recurring",
    "Study",
    "SummaryResult",
    "TestResult",
    "open",
    "read_flow_table",
]

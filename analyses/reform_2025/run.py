"""Before and after 1 July 2025: what recording allows, monthly series, entry cohorts, years compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from tracker.desk.analyses import Study
from tracker.domain.periods import Period
from tracker.estimate.comparison import LOG_RANK
from tracker.estimate.entry_cohorts import INCIDENCE
from tracker.estimate.gray import GRAY
from tracker.estimate.interrupted import COUNTS, LJUNG_BOX, SHARES
from tracker.estimate.series_fits import fit_series
from tracker.projections.first_events import OUTCOMES, first_events
from tracker.projections.monthly_series import GROUPS, SERIES, Asked, read_series
from tracker.projections.recording import recording
from tracker.publish.findings import Findings, Section
from tracker.publish.reform_cohorts import Start, half_years, years_compared
from tracker.publish.reform_recording import brief, recording_section
from tracker.publish.reform_series import group_sections, series_sections
from tracker.publish.refusals import Refusals

DEFINITIONS = (
    (
        "monthly series",
        "what began in a month, in municipalities that delivered every month of the window in full and were "
        "read at least 30 days after it; the window is the one across 1 July 2025 with most "
        "municipality-months",
    ),
    (
        "referral opened",
        "an investigation was opened on it. Referrals attached to something open or closed for "
        "administrative reasons are not sorted, and not counted; nor are those whose outcome is not "
        "understood (unknown)",
    ),
    ("granted decision", "a decision of the month that grants an intervention"),
    (
        "intervention started",
        "by its first day. Deliveries are by day of decision, so the three months before must be covered too",
    ),
    (
        "support without a needs decision",
        "started in the month, told child by child or, where it is not, as counts",
    ),
    ("expected", "what the trend and season before give for the months since, had nothing changed"),
    ("change of level", "the fitted value of July 2025 divided by the expected one"),
    ("change of trend", "by how much the yearly growth is multiplied from July 2025 on"),
    (
        "entry cohort",
        "episodes that begin with a referral after a year covered with nothing open; a child may enter again",
    ),
    (
        "declared complete",
        "the municipality declares that reports that opened nothing are all in the delivery that covers the "
        "day",
    ),
    (
        "too recent",
        "who entered last in the half-year could not be followed so many days to the last day of deliveries",
    ),
    ("lost", "the last still waiting were lost sight of before so many days"),
    ("not delivered", "it is declared complete nowhere where someone entered, or not delivered in full"),
)
DENOMINATORS = (
    ("share of referrals opened", "referrals opened, not opened or referred elsewhere"),
    ("since referral", "entries where and when not-opened reports are declared complete"),
    (
        "since investigation opened",
        "entries whose first episode has an investigation that was seen to open, in all municipalities",
    ),
)


def run(study: Study) -> Findings:
    """The findings, all together and by what the cohort is broken down by."""
    refused = Refusals()
    about = study.about()
    study.progress("monthly series")
    source = read_series(study.snapshot, _asked(study))
    told = recording(source)
    fits = [fit_series(source, one) for one in SERIES]
    sections = [recording_section(told, fits), *series_sections(source, fits, about)]
    sections += _by_group(study, refused)
    for start in _starts(study):
        study.progress(f"since {start.said}")
        sections += [half_years(start, about), *years_compared(start, about, refused)]
    refused.sentences += _not_applied(study)
    return Findings(
        brief=brief(told, fits),
        sections=(*sections, *refused.section()),
        definitions=DEFINITIONS,
        denominators=DENOMINATORS,
        methods=(COUNTS, SHARES, LJUNG_BOX, INCIDENCE, GRAY, LOG_RANK),
    )


def _asked(study: Study) -> Asked:
    """The window of the cohort, and its rules as far as every record can tell."""
    entry, eligible = study.cohort.spec.entry, study.cohort.spec.eligibility
    period = Period(entry.first or date.min, entry.last or date.max) if entry.first or entry.last else None
    return Asked(period=period, where={one.source: one.values for one in eligible if one.source in GROUPS})


def _not_applied(study: Study) -> Iterator[str]:
    spec = study.cohort.spec
    others = [one.source for one in spec.eligibility if one.source not in (*GROUPS, "entry_state")]
    if others := [*others, *(one.name for one in spec.exclusions)]:
        yield f"Monthly series count every child: rules of the cohort on {', '.join(others)} are not applied."


def _by_group(study: Study, refused: Refusals) -> Iterator[Section]:
    sources = {one.name: one for one in study.cohort.spec.covariates}
    by = tuple(
        one
        for one in study.by
        if one in GROUPS and sources[one].source == one and not sources[one].categories
    )
    if lacking := [one for one in study.by if one not in by]:
        refused.sentences.append(
            f"Monthly series are not broken down by {', '.join(lacking)}: not every record says it."
        )
    if by:
        study.progress(f"monthly series by {', '.join(by)}")
        source = read_series(study.snapshot, replace(_asked(study), by=by))
        yield from group_sections(source, SERIES, study.about(), refused.sentences)


def _starts(study: Study) -> Iterator[Start]:
    since = first_events(study.snapshot, study.cohort, tuple(OUTCOMES))
    yield Start("referral", "referral", since, complete=(True,))
    later = [name for name in OUTCOMES if name != "investigation"]
    opened = first_events(study.snapshot, study.cohort, later, "investigation")
    yield Start("investigation", "investigation opened", opened, complete=(True, False))

"""The words of the flow summary: labels in Swedish, denominators named, definitions in full."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.projections.flow_cohort import DECISION_MONTHS, FOLLOW_UP_MONTHS, START_MONTHS

_UNKNOWN = {
    "open": "pågår ännu",
    "too_recent": "för nyligen för att veta",
    "not_delivered": "uppgift ej levererad",
    "unmapped": "formulering utan kod",
}

LABELS: Mapping[tuple[str, str], str] = {
    ("received", "received"): "Inkomna aktualiseringar",
    ("investigation", "opened"): "Utredning inledd",
    ("investigation", "attached"): "Påförd pågående utredning, ärende eller insats",
    ("investigation", "not_opened"): "Utredning inleds inte",
    ("investigation", "referred_elsewhere"): "Hänvisad vidare",
    ("investigation", "administrative"): "Avslutad av administrativa skäl",
    ("need", "yes"): "Behov av stöd eller skydd",
    ("need", "no"): "Inget behov bedömt",
    ("need", "not_linked"): "utredningen kan inte kopplas",
    ("granted", "yes"): "Insats beviljad",
    ("granted", "no"): "Insats inte beviljad",
    ("granted", "outside_chain"): "Insats beviljad utan känt behov",
    ("started", "yes"): "Insats påbörjad",
    ("started", "no"): "Insats inte påbörjad",
    ("followed_up", "yes"): "Insats uppföljd",
    ("followed_up", "no"): "Insats inte uppföljd",
    ("returned", "yes"): "Återaktualiserad inom uppföljningstiden",
    ("returned", "no"): "Inte återaktualiserad inom uppföljningstiden",
    ("returned", "left_observation"): "Fyllt 18/21, flyttat eller avlidit",
    ("clock_14_days", "within"): "Förhandsbedömd inom 14 dagar",
    ("clock_14_days", "late"): "Förhandsbedömd senare än 14 dagar",
    ("clock_14_days", "not_in_risk_set"): "Omfattas inte av 14-dagarsfristen",
    ("clock_4_months", "within"): "Utredd inom fyra månader",
    ("clock_4_months", "late"): "Utredd på mer än fyra månader",
}

STEP_LABELS: Mapping[str, str] = {
    "investigation": "Förhandsbedömning",
    "need": "Behovsbedömning",
    "granted": "Beslut om insats",
    "started": "Insatsens start",
    "followed_up": "Uppföljning",
    "returned": "Återaktualisering",
    "clock_14_days": "14-dagarsfristen",
    "clock_4_months": "Fyramånadersfristen",
}

UNIT_LABELS: Mapping[str, str] = {
    "referrals": "aktualiseringar",
    "investigations": "utredningar",
    "children": "barn",
}


def label(step: str, name: str) -> str:
    """Swedish label of a class of a step."""
    return LABELS.get((step, name)) or f"{STEP_LABELS[step]}: {_UNKNOWN[name]}"


STEP_DENOMINATORS: Mapping[str, str] = {
    "investigation": "received and sorted (opened, attached, not opened or referred elsewhere), where "
    "not-opened is completely recorded",
    "need": "investigation opened, need assessed yes or no",
    "granted": "need assessed yes, decision known",
    "started": "intervention granted, start known",
    "followed_up": "intervention started, follow-up known",
    "returned": "all cases closed, then observed the whole horizon",
    "clock_14_days": "reports not attached or administrative, concluded or past the due day",
    "clock_4_months": "investigations opened, closed or past the due day",
}
"""Who is in the denominator of the share of the step before, to follow the unit ("referrals: …")."""

START_DENOMINATORS: Mapping[str, str] = {
    "referrals": "received, outcome known as of this step, where not-opened is completely recorded",
    "investigations": "opened from the cohort, outcome known as of this step",
    "children": "with a referral in the cohort, outcome known as of this step, where not-opened is "
    "completely recorded",
}

RETURN_START = "with a referral in the cohort, all cases closed, then observed the whole horizon"

KNOWN_DEFINITION = (
    "share of the step before = this class / units that reached the step and whose outcome there is "
    "known; share of the start = this class / units whose outcome as of this step is known, sorted "
    "out earlier or here; open, too recent, not delivered, unmapped and administrative units are "
    "counted in rows of their own and left out of both denominators"
)
LEFT_OUT_DEFINITION = "counted, in no denominator"

DAYS: Mapping[str, str] = {
    "received": "received to concluded",
    "investigation": "received to concluded",
    "need": "investigation opened to closed",
    "granted": "investigation opened to first granted decision",
    "started": "first granted decision to first start",
    "followed_up": "first start to first follow-up",
    "returned": "last thing closed to return",
}


def step_denominator(step: str, unit: str) -> str:
    """Name of the denominator of the share of the step before."""
    return f"{unit}: {STEP_DENOMINATORS[step]}"


def start_denominator(step: str, unit: str) -> str:
    """Name of the denominator of the share of the start."""
    return f"{unit}: {RETURN_START if step == 'returned' else START_DENOMINATORS[unit]}"


def definitions(horizon_days: int) -> tuple[tuple[str, str], ...]:
    """Every term of the table with its definition, in reading order."""
    return (
        (
            "entry cohort",
            "referrals received in the stated period; each keeps the group it had when received",
        ),
        (
            "blocks",
            "linkable: referrals of children with an id; unlinkable: rows delivered without one. "
            "Unlinkable rows are sorted once (opened or not) and can be followed no further; the two "
            "are never added together",
        ),
        (
            "units",
            "referrals; investigations opened from the cohort, each once in a group however many "
            "referrals led to it; children, each once in a class (a child with several referrals can "
            "be in several classes)",
        ),
        (
            "investigation",
            "the class of the delivered action; where none was delivered but an investigation is "
            "linked: opened if it opened on or after the day received, else attached. No action: "
            "too_recent until 14 days are observed, then open; not_delivered where the day is not "
            "covered or the municipality never delivers actions",
        ),
        (
            "not opened completely recorded",
            "declared by the municipality for the period; where it is not, opening shares and shares "
            "of the start are not_delivered, and its referrals are left out of those denominators in "
            "groups of several municipalities",
        ),
        (
            "not delivered, too recent",
            "whether something did not happen can be told only on days a municipality delivered that "
            "record type in full: before the last such day a day without is not_delivered, after it "
            "too_recent",
        ),
        (
            "need",
            "yes: support or protection; no: none; open or too_recent (within four months of opening)"
            " while the investigation is not closed; not_delivered: closed without a stated need, or "
            "not covered; not_linked: the referral was opened but no investigation could be linked to"
            " it",
        ),
        (
            "granted",
            "yes: a linked intervention was granted (or started, with no decision delivered); no: "
            f"refused, withdrawn, or no decision {DECISION_MONTHS} calendar month after closing while "
            "interventions are covered; outside_chain: granted although need was not assessed yes",
        ),
        (
            "started",
            f"yes: a granted intervention has started; no: not within {START_MONTHS} calendar months "
            "observed after the decision",
        ),
        (
            "followed up",
            "yes: a follow-up is linked to a started intervention; no: none within "
            f"{FOLLOW_UP_MONTHS} calendar months covered after the start",
        ),
        (
            "returned",
            "of each child in the cohort, from its first referral there: the first day nothing is open is "
            f"day 0; yes: a new case within {horizon_days} days. Only children observed for all "
            f"{horizon_days} days after day 0 are in the denominator, returned or not; the others are "
            "too_recent. open: something is still open when observation ends; left_observation: turned "
            "18 or 21, moved or died first; not_delivered: the case lies outside what was delivered in "
            "full, or the child has no timeline. Share of the step and of the start are the same",
        ),
        (
            "14-day clock",
            "reports, from the day received (day 0) to the day concluded; due on day 14. "
            "Applications, attached and administrative referrals are not in the risk set; an open "
            "report past the due day is late",
        ),
        (
            "four-month clock",
            "investigations opened from the cohort: closed no later than the same day four calendar "
            "months after opening (the last day of a shorter month), never 120 days; one still open "
            "past the due day is late",
        ),
        (
            "median days among completed",
            "median of those that came to the end named in the row. Slow ones still under way are "
            "missing from it: it describes the completed, and grows as the cohort matures",
        ),
        (
            "shares and waiting",
            "an early sorting-out is known sooner than a late outcome, so in a young cohort the share"
            " of the start of the later steps is too low; choose an entry period with few open and "
            "too recent units",
        ),
        (
            "interval",
            "95 %. Linkable: variance clustered on child (linearised ratio, Cochran 1977; Rao & Scott"
            " 1992), limits by Wilson's score at the effective size (Korn & Graubard 1998). "
            "Unlinkable: Wilson (1927) as if rows were independent, which understates the uncertainty"
            " where children have several",
        ),
        (
            "reason",
            "a referral with several reasons counts under each, so groups by reason do not add up to "
            "the total",
        ),
        ("size class", "of the municipality, its latest known"),
    )

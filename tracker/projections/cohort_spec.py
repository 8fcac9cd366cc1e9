"""What a cohort is declared to be: who enters, when, who is left out, and what ends following them.

The declaration is YAML (``cohort_reading`` reads it); a cohort drawn from a snapshot follows from the
declaration, the snapshot and the rules in ``cohort`` alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

CHAIN_RECORDS = ("referrals", "investigations", "interventions")
"""The record types the default chain is observed through."""


class Event(StrEnum):
    """What a child enters the study by.

    ``observed``: its first stay seen, from the start or late. ``first_referral``: its first episode in the
    window that begins with a referral. ``episode``: an episode begins, whatever with. ``state_entered``: a
    stay in a named state begins. ``closed``: an episode ends, nothing is open any more.
    """

    OBSERVED = "observed"
    FIRST_REFERRAL = "first_referral"
    EPISODE = "episode"
    STATE_ENTERED = "state_entered"
    CLOSED = "closed"


class Which(StrEnum):
    """Which of a child's events in the window count as entries."""

    FIRST = "first"
    EACH = "each"


class NextEntry(StrEnum):
    """Whether a child's next entry ends what follows from the one before, or both are followed."""

    ENDS = "ends"
    IGNORED = "ignored"


class At(StrEnum):
    """When a covariate is asked: on entry, or on every day (stays are split where it changes)."""

    ENTRY = "entry"
    TIME_VARYING = "time_varying"


@dataclass(frozen=True)
class Entry:
    """The event of entry and its window, both days included; None: open.

    ``washout_days``: for so many days before entry every record type in ``coverage`` is covered by full
    deliveries and no earlier episode has anything open. ``covered_days_before`` asks for the coverage alone.
    """

    event: Event
    which: Which
    state: str = ""
    first: date | None = None
    last: date | None = None
    washout_days: int = 0
    covered_days_before: int = 0
    coverage: tuple[str, ...] = CHAIN_RECORDS


@dataclass(frozen=True)
class Condition:
    """A covariate's source is one of ``values``, or a number in one of ``ranges`` (both ends included)."""

    source: str
    values: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Exclusion:
    """Who is left out by name: entries of which all conditions are true."""

    name: str
    where: tuple[Condition, ...]


@dataclass(frozen=True)
class Exits:
    """What ends following a child, besides the end of observation.

    ``horizon_days``: the last day followed, since entry. ``last_day``: the last day of the calendar.
    ``until``: states whose entry ends it, as an event. ``censor``: states (or moved, adult, dead) whose
    entry ends it as censoring.
    """

    horizon_days: int | None = None
    last_day: date | None = None
    until: tuple[str, ...] = ()
    censor: tuple[str, ...] = ()
    next_entry: NextEntry = NextEntry.ENDS


@dataclass(frozen=True)
class Covariate:
    """A column of the study spells.

    ``cuts`` make levels of a number (0, 3, 6: ``0-2``, ``3-5``, ``6+``); without them it stays a number.
    ``categories`` (level, codes) rename codes; those unnamed keep their own name, or become ``rest``.
    What is missing, not delivered or unmapped is always a level of its own.
    """

    name: str
    source: str
    at: At = At.ENTRY
    cuts: tuple[int, ...] = ()
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rest: str = ""


@dataclass(frozen=True)
class CohortSpec:
    """A cohort as declared. ``by`` names the covariates an analysis is broken down by."""

    name: str
    entry: Entry
    question: str = ""
    eligibility: tuple[Condition, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    exits: Exits = Exits()
    covariates: tuple[Covariate, ...] = ()
    by: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Name and content hash: declarations that draw the same have the same (the question is words)."""
        content = {key: value for key, value in asdict(self).items() if key != "question"}
        text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

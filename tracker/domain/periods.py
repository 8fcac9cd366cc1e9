"""Days, periods and statutory clocks. Dates are whole days; no time zones, no today."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

SOCIAL_SERVICES_ACT_2025 = date(2025, 7, 1)
"""The day the Social Services Act (SoL 2025:400) came into force; splits the calendar for comparisons."""

PRELIMINARY_ASSESSMENT_DAYS = 14
"""Days from arrival to the decision to open or not: SoL (2025:400) ch. 20 s. 2; arrival is day 0."""

INVESTIGATION_MONTHS = 4
"""Calendar months from opening to the end of an investigation: formerly SoL (2001:453) ch. 11 s. 2."""


@dataclass(frozen=True, order=True)
class Period:
    """Whole days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a period cannot end ({self.last}) before it starts ({self.first})")

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first.isoformat()}..{self.last.isoformat()}"


def add_months(day: date, months: int) -> date:
    """The same day ``months`` calendar months later, clamped to the end of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def assessment_due(received_on: date) -> date:
    """Last day of the preliminary assessment: 14 days after arrival (no weekend roll-over)."""
    return received_on + timedelta(days=PRELIMINARY_ASSESSMENT_DAYS)


def investigation_due(opened_on: date) -> date:
    """Last day of an investigation: four calendar months after opening, never 120 days."""
    return add_months(opened_on, INVESTIGATION_MONTHS)


def age_on(birth_date: date, day: date) -> int:
    """Whole years of age on ``day``; negative before birth (unborn-child referrals).

    A child born on 29 February has its birthday on 1 March in common years.
    """
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def birthday(birth_date: date, years: int) -> date:
    """The day the child turns ``years``; 1 March for 29 February in common years."""
    try:
        return birth_date.replace(year=birth_date.year + years)
    except ValueError:
        return date(birth_date.year + years, 3, 1)


AGE_GROUPS = ((0, 2), (3, 5), (6, 8), (9, 11), (12, 14), (15, 17), (18, 20))
"""Age groups of the NUSO study (PM 3), continued to 20 for interventions."""


def age_group(age: int | None) -> str:
    """The NUSO age group of an age in whole years: ``unborn``, ``0-2`` … ``18-20``, ``21+``, ``unknown``."""
    if age is None:
        return "unknown"
    if age < 0:
        return "unborn"
    for low, high in AGE_GROUPS:
        if age <= high:
            return f"{low}-{high}"
    return "21+"

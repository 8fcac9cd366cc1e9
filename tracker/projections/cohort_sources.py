"""What cohorts can be chosen by and broken down by: each source with its SQL at entry and on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025
from tracker.harmonise.codebook import Codebooks

UNKNOWN, NOT_DELIVERED, UNMAPPED, NO_REFERRAL = "unknown", "not_delivered", "unmapped", "no_referral"
NONE_RECORDED = "none_recorded"
MISSING = (NONE_RECORDED, NO_REFERRAL, UNMAPPED, UNKNOWN, NOT_DELIVERED)
"""Levels that say why there is no value: none had been recorded by the day of entry (diagnosis, legal basis);
the episode began without a referral; delivered but not understood; missing though others who enter in the
municipality have one; nobody who enters there has one."""


@dataclass(frozen=True)
class Source:
    """SQL of the value at entry, over the row of a candidate ``c``; NULL where it is missing.

    ``by_day`` is its SQL over a piece of a stay (``p``, valued on ``p.value_day``), where it may vary with
    time; ``changes`` the SQL of the list of days on which it changes within a stay ``s``, empty where only
    stays differ; ``{ages}`` in it stands for the list of ages asked for.
    """

    sql: str
    number: bool = False
    missing: str = UNKNOWN
    by_day: str = ""
    changes: str = ""


_ACT = f"DATE '{SOCIAL_SERVICES_ACT_2025}'"
_AGE = "(year(p.value_day) * 12 + month(p.value_day) - year(p.birth_month) * 12 - month(p.birth_month)) // 12"
_BIRTHDAYS = "list_transform({ages}, lambda n: (s.birth_month + to_years(n::INTEGER))::DATE)"


def _by_calendar(value: str, changes: str) -> Source:
    return Source(value.format(day="c.origin_on"), by_day=value.format(day="p.value_day"), changes=changes)


def _firsts_of(months: str) -> str:
    """The first days of these months of the year, within the stay."""
    span = "date_trunc('month', s.entered_on)::TIMESTAMP, s.left_on::TIMESTAMP + INTERVAL 1 DAY"
    firsts = f"list_transform(range({span}, INTERVAL 1 MONTH), lambda d: d::DATE)"
    return f"list_filter({firsts}, lambda d: month(d) IN ({months}))"


def _of_referral(value: str) -> str:
    """What the referral that opened the episode says; that there was none, where one would have been seen."""
    return f"CASE WHEN r.fact_id IS NULL THEN c.without_referral ELSE {value} END"


@cache
def _reason_group() -> str:
    codes = Codebooks.load().lists["referral_reason"]
    cases = " ".join(f"WHEN '{code}' THEN '{entry.group}'" for code, entry in codes.items() if entry.group)
    return f"CASE r.first_reason {cases} ELSE r.first_reason END"


@cache
def sources() -> Mapping[str, Source]:
    """Source → how it is read.

    At entry, but for ``size_class`` (the municipality's latest known) and ``country_of_birth`` (as last
    recorded). ``age`` is in whole years; varying with time it goes by the month of birth, whose first
    day counts as birthday. ``earlier_episodes`` are those seen. ``referral_type``, ``referrer`` and
    reasons are of the referral that opened the episode; ``first_reason_group`` is the codebook's group of its
    first reason. ``act`` is before or after 1 July 2025.
    """
    return {
        "sex": Source("c.sex"),
        "age": Source("c.age_at_entry", number=True, by_day=_AGE, changes=_BIRTHDAYS),
        "age_group": Source("c.age_group"),
        "municipality": Source("c.municipality", by_day="p.stay_municipality"),
        "size_class": Source("z.size_class"),
        "year": _by_calendar("year({day})::VARCHAR", _firsts_of("1")),
        "half_year": _by_calendar(
            "year({day}) || CASE WHEN month({day}) <= 6 THEN '-H1' ELSE '-H2' END", _firsts_of("1, 7")
        ),
        "month": _by_calendar(
            "strftime({day}, '%Y-%m')", _firsts_of("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12")
        ),
        "act": _by_calendar(f"CASE WHEN {{day}} < {_ACT} THEN 'before' ELSE 'after' END", f"[{_ACT}]"),
        "referral_type": Source(_of_referral("r.referral_type")),
        "referrer": Source(_of_referral("r.referrer")),
        "first_reason": Source(_of_referral("r.first_reason")),
        "first_reason_group": Source(_of_referral(_reason_group())),
        "earlier_episodes": Source("c.earlier_episodes", number=True, by_day="p.earlier_episodes"),
        "entry_state": Source("c.state"),
        "legal_basis": Source("c.legal_basis", missing=NONE_RECORDED, by_day="p.stay_legal_basis"),
        "country_of_birth": Source("k.country_of_birth"),
        "diagnosis": Source("d.diagnosis", missing=NONE_RECORDED),
    }

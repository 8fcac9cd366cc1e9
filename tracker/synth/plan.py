"""What to generate: how many municipalities and referrals, over which days, and how messy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tracker.domain.periods import Period
from tracker.synth.parameters import Parameters


@dataclass(frozen=True)
class Plan:
    """A synthetic collection of deliveries.

    ``window`` bounds the days on which referrals arrive; investigations, decisions and what follows are
    delivered up to ``follow_to``, and ``last_extract`` is the day of the last export.
    ``burn_in_days`` of history run before the window and are not delivered. ``referrals`` is the
    expected number inside the window, met within a few per cent; the drawn number is in the summary.
    Shares are of municipalities unless said otherwise.
    """

    name: str
    municipalities: int
    window: Period
    follow_to: date
    last_extract: date
    referrals: int
    burn_in_days: int = 365
    share_without_reasons: float = 0.2
    share_several_reasons: float = 13 / 97
    share_rows_with_several: float = 0.3  # of rows, where a municipality gives several reasons at all
    share_without_child_id: float = 0.1  # like sub-study 3: no id, only an age
    share_local_pseudonyms: float = 0.1
    share_without_sidecar: float = 0.08
    share_ids_missing: float = 0.01  # of rows
    share_unknown_wording: float = 0.012  # of cells with reason or action
    share_bad_rows: float = 0.006  # of rows
    redeliveries: bool = True
    only_xlsx: bool = False
    other_record_types: bool = True  # open support, child facts, municipality facts
    old_excel: bool = False  # some files as .xls (needs the development package xlwt)
    parameters: Parameters = field(default_factory=Parameters)

    @staticmethod
    def demo() -> Plan:
        """Thirteen municipalities, four case systems, five years across the 1 July 2025 Act."""
        return Plan(
            name="demo",
            municipalities=13,
            window=Period(date(2021, 7, 1), date(2026, 6, 30)),
            follow_to=date(2026, 6, 30),
            last_extract=date(2026, 8, 17),
            referrals=15_000,
        )

    @staticmethod
    def national_year() -> Plan:
        """97 municipalities, 220,000 referrals in 2023 and what follows, as messy workbooks."""
        return Plan(
            name="national-year",
            municipalities=97,
            window=Period(date(2023, 1, 1), date(2023, 12, 31)),
            follow_to=date(2024, 12, 31),
            last_extract=date(2025, 1, 20),
            referrals=220_000,
            burn_in_days=240,
            share_rows_with_several=0.1,
            redeliveries=False,
            only_xlsx=True,
            other_record_types=False,
        )

    @staticmethod
    def tiny() -> Plan:
        """Three municipalities and about 300 referrals, for tests."""
        return Plan(
            name="tiny",
            municipalities=3,
            window=Period(date(2024, 7, 1), date(2025, 12, 31)),
            follow_to=date(2025, 12, 31),
            last_extract=date(2026, 3, 2),
            referrals=300,
            share_without_reasons=0.34,
            share_several_reasons=0.34,
            share_without_child_id=0.34,
            share_local_pseudonyms=0.0,
            share_without_sidecar=0.0,
            share_ids_missing=0.03,
            share_bad_rows=0.02,
        )

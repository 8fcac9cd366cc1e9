"""What municipalities declare before and after a day: are reports that opened nothing all there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from tracker.projections.coverage import Covered
from tracker.projections.monthly_series import SeriesSource

DECLARED, PARTLY, NOT_DECLARED, NOT_COVERED = (
    "declared",
    "partly declared",
    "not declared",
    "not delivered in full",
)


@dataclass(frozen=True)
class Recording:
    """``places``: municipality, and what is declared of the days covered ``before`` and ``since`` the day.

    ``summary``: period, municipalities (that delivered referrals in full on some day of it), how many of them
    declare for all of those days that not-opened reports are complete, and their share.
    """

    places: pd.DataFrame
    summary: pd.DataFrame

    @property
    def both(self) -> int:
        """Municipalities that declare it on both sides."""
        return int((self.places[["before", "since"]] == DECLARED).all(axis=1).sum())


def recording(source: SeriesSource) -> Recording:
    """Of all municipalities, by the coverage of referrals."""
    day = source.asked.break_on
    before = {place: _declared(source, place, None, day - timedelta(days=1)) for place in source.places}
    since = {place: _declared(source, place, day, None) for place in source.places}
    places = pd.DataFrame(
        {"municipality": source.places, "before": list(before.values()), "since": list(since.values())}
    )
    rows = []
    for period in ("before", "since"):
        covered = places.loc[places[period] != NOT_COVERED, period]
        declared = int((covered == DECLARED).sum())
        share = declared / len(covered) if len(covered) else float("nan")
        rows.append({"period": period, "municipalities": len(covered), "declared": declared, "share": share})
    return Recording(places, pd.DataFrame(rows))


def _declared(source: SeriesSource, place: str, first: date | None, last: date | None) -> str:
    within = [one for one in source.intervals if _touches(one, place, first, last)]
    said = {one.not_opened_complete for one in within}
    if not said:
        return NOT_COVERED
    return PARTLY if len(said) == 2 else DECLARED if said == {True} else NOT_DECLARED


def _touches(one: Covered, place: str, first: date | None, last: date | None) -> bool:
    referrals = one.municipality == place and one.record_type == "referrals"
    return referrals and (first is None or one.last >= first) and (last is None or one.first <= last)

"""The two statutory deadlines, 14 days and four calendar months: a wait for each report and investigation.

Waits are frames as in ``projections.waits``, with ``due_on`` (the last day in time) and ``status``:
``within``, ``late``, ``left`` (moved, died or turned 18 before it was due and before it was done),
``too_recent`` (due after the last day delivered, done or not), ``not_delivered`` and ``no_date`` (done, on no
known day). Shares are of ``within`` and ``late``; those due later would add only the quick ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tracker.domain.periods import INVESTIGATION_MONTHS, PRELIMINARY_ASSESSMENT_DAYS
from tracker.projections.cohort import StudyCohort
from tracker.projections.intervals import clustered
from tracker.projections.rules import Unit
from tracker.projections.snapshot import Snapshot
from tracker.projections.waits import ordered, place_of
from tracker.projections.workspace import quoted, run, sql

WITHIN, LATE, LEFT, TOO_RECENT = "within", "late", "left", "too_recent"
NOT_DELIVERED, NO_DATE = "not_delivered", "no_date"
STATUSES = (WITHIN, LATE, LEFT, TOO_RECENT, NOT_DELIVERED, NO_DATE)

SHORTEST, LONGEST = 120, 123
"""Days that four calendar months may have, the day of opening being day 0."""
DONE = "done"

_LOST = (
    "CASE WHEN least(k.moved_out_on, k.died_on, (k.birth_month + INTERVAL 18 YEAR)::DATE) >= {since} "
    "THEN least(k.moved_out_on, k.died_on, (k.birth_month + INTERVAL 18 YEAR)::DATE) END"
)


def assessment_waits(cohort: StudyCohort, snapshot: Snapshot) -> pd.DataFrame:
    """Reports of the cohort's children from the day received to the decision to open an investigation or not.

    Received while the child is followed. Not in the risk set: applications and other information, referrals
    attached to something running, administrative ones, and those whose action is not understood.
    """
    return _waits(cohort, snapshot, "deadline_assessments", "received_on", days=PRELIMINARY_ASSESSMENT_DAYS)


def investigation_waits(cohort: StudyCohort, snapshot: Snapshot) -> pd.DataFrame:
    """Investigations of the cohort's children from the day opened to the day closed.

    Due four calendar months after opening, clamped to the end of a shorter month; extensions are not known.
    """
    return _waits(cohort, snapshot, "deadline_investigations", "opened_on", months=INVESTIGATION_MONTHS)


def _waits(cohort: StudyCohort, snapshot: Snapshot, query: str, since: str, **limit: int) -> pd.DataFrame:
    names = [one.name for one in cohort.spec.covariates]
    firsts = "".join(f", first({name} ORDER BY spell, part) AS {name}" for name in names)
    asked = sql(query).substitute(
        columns="".join(f", e.{name}" for name in names),
        joined="''" if cohort.unit is Unit.CHILD else "r.municipality",
        lost=_LOST.format(since=f"r.{since}"),
        **limit,
    )
    with snapshot.duckdb() as connection:
        study, place = quoted(cohort.path), place_of(cohort)
        run(connection, "deadline_entries", place=place, study=study, columns=firsts)
        frame: pd.DataFrame = ordered(connection.execute(asked).df(), cohort)
    told = frame.assign(status=_status(frame))
    return told.assign(**_spans(told))


def _status(frame: pd.DataFrame) -> pd.Series:
    done = frame["ended_on"].notna()
    cases = {
        NO_DATE: frame["ended"] & ~done,
        NOT_DELIVERED: frame["observed_until"].isna(),
        TOO_RECENT: frame["due_on"] > frame["observed_until"],
        WITHIN: done & (frame["ended_on"] <= frame["due_on"]),
        LEFT: frame["lost_on"] <= frame["due_on"],
    }
    chosen = np.select([case.to_numpy(bool) for case in cases.values()], list(cases), LATE)
    return pd.Series(chosen, frame.index)


def _spans(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Days waited, to the end or, where there is none, to when it was last seen."""
    seen = frame[["observed_until", "lost_on"]].min(axis=1)
    done = frame["ended_on"].notna() & (frame["status"] != LEFT)
    end = frame["ended_on"].where(done, seen).fillna(frame["since_on"])
    return {
        "entered": pd.Series(0, frame.index, dtype="int64"),
        "left": (end - frame["since_on"]).dt.days.clip(lower=0).astype("int64"),
        "to_state": pd.Series(DONE, frame.index).where(done),
    }


def followed(waits: pd.DataFrame) -> pd.DataFrame:
    """The waits whose days are known: all but those not delivered and those done on no known day."""
    return waits[~waits["status"].isin([NOT_DELIVERED, NO_DATE])].reset_index(drop=True)


def by_due_day(waits: pd.DataFrame) -> pd.DataFrame:
    """Waits since opening with days on a scale on which four calendar months are ``LONGEST`` days for all.

    Four months have 120 to 123 days. Days before the 120th stay as they are; from then on the days that a
    wait's own four months lack are skipped, so that its due day is day 123 whatever month it began in.
    """
    due = (waits["since_on"] + pd.DateOffset(months=INVESTIGATION_MONTHS) - waits["since_on"]).dt.days
    skipped = LONGEST - due
    return waits.assign(**{n: waits[n] + skipped.where(waits[n] >= SHORTEST, 0) for n in ("entered", "left")})


def shares(waits: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The share in time, by groups: a row each.

    Columns: ``by``, ``waits``, a count for each of ``STATUSES``, ``children`` and ``denominator`` (in time
    and late), ``share_within`` with ``low`` and ``high``: 95 %, Wilson at the effective size, clustered
    on child.
    """
    if not len(waits):
        return pd.DataFrame(columns=[*by, "waits", *STATUSES, *_SHARES])
    groups = waits.groupby(list(by), observed=True) if by else [((), waits)]
    rows = [dict(zip(by, key, strict=True)) | _share(part) for key, part in groups]
    return pd.DataFrame(rows)


_SHARES = ("children", "denominator", "share_within", "low", "high")


def _share(part: pd.DataFrame) -> dict[str, float]:
    counts = {status: int((part["status"] == status).sum()) for status in STATUSES}
    known = part[part["status"].isin([WITHIN, LATE])]
    sums = (
        known.assign(y=known["status"] == WITHIN, x=1).groupby("subject_id")[["y", "x"]].sum().astype(float)
    )
    y, x = sums["y"].to_numpy(), sums["x"].to_numpy()
    products = tuple(np.array([value]) for value in (y @ y, x @ y, x @ x))
    total = np.array([y.sum()]), np.array([x.sum()])
    low, high = clustered(*total, (products[0], products[1], products[2]), np.array([float(len(sums))]))
    share = float(total[0][0] / total[1][0]) if len(known) else float("nan")
    figures = (len(sums), len(known), share, float(low[0]), float(high[0]))
    return {"waits": len(part), **counts, **dict(zip(_SHARES, figures, strict=True))}

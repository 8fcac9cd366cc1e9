"""Intervals (tstart, tstop] in a state with what they end in: what ``survfit`` and ``coxph`` of R take."""

from __future__ import annotations

import pandas as pd

from tracker.publish.exports.material import Material
from tracker.publish.exports.moments import on_one_clock, steps_per_day
from tracker.publish.exports.tables import Table, described, only_seen

CENSORED = "0"
"""The event of an interval that ends without one; sorts first in every language, as ``Surv`` wants."""


def intervals(material: Material) -> Table:
    """Table ``intervals``: id, person, child, tstart, tstop, from, event and covariates.

    Stays seen for no time at all (entered and censored at the end of one day) are never at risk and left out.
    ``survfit`` refuses an id with a gap, so ``id`` names a stretch of unbroken observation: the person's own
    id, from the second stretch on with its number. Curves are the same; variances are clustered on ``child``.
    """
    stays = material.stays
    times = on_one_clock(stays, steps_per_day(stays))
    frame = pd.DataFrame(
        {
            "id": stays["id"],
            "person": stays["id"],
            "child": stays["child"],
            "tstart": times["start"],
            "tstop": times["stop"],
            "from": stays["state"],
            "event": times["went_to"].fillna(CENSORED),
            "municipality": stays["municipality"],
            **{name: stays[name] for name in ("entry", "entry_month", "episode")},
            **{name: stays[name] for name in material.covariates},
            **({"origin_on": stays["origin_on"]} if material.exact else {}),
        }
    )
    at_risk = frame[frame["tstart"] < frame["tstop"]].reset_index(drop=True)
    at_risk["id"] = _stretches(at_risk)
    table = described("intervals", at_risk, material.cohort)
    return only_seen(only_seen(table, "from"), "event", always=[CENSORED])


def _stretches(rows: pd.DataFrame) -> pd.Series:
    """The name of the stretch of each row; rows lie by person and time."""
    before = rows.shift()
    led_to = before["event"].where(before["event"] != CENSORED, before["from"])
    same_person = rows["person"] == before["person"]
    goes_on = same_person & (rows["tstart"] == before["tstop"]) & (rows["from"] == led_to)
    number = (same_person & ~goes_on).astype("int64").groupby(rows["person"], sort=False).cumsum() + 1
    return rows["person"].where(number == 1, rows["person"] + "/" + number.astype(str))

"""How waits ended by chosen days, as a table: estimate, interval and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tracker.estimate.results import Curves

MONTH = 365.25 / 12


def at_months(*months: int) -> dict[str, int]:
    """Days after so many months of 365.25 / 12 days, by what to call them."""
    return {f"{number} month{'s' * (number > 1)}": round(number * MONTH) for number in months}


def incidence_table(curves: Curves, waits: pd.DataFrame, at: Mapping[str, int]) -> pd.DataFrame:
    """The incidence of each cause by the end of the days ``at`` (what to call it → day), a row each.

    Columns: strata, ``cause``, ``by`` (when), ``day``, ``waits`` (in the group), ``at_risk`` (still waiting
    and observed on the day), ``ended`` (waits seen to end so by then), ``estimate``, ``std_error``,
    ``lower``, ``upper``, ``status`` (``too_recent``: nobody was followed so far; where every wait has ended
    nothing more can change, and the last values hold).
    """
    called = {day: name for name, day in at.items()}
    read = curves.at(list(called)).drop(columns=["at_risk", "events", "step"])
    rows = [
        _rests_on(waits, {name: row[name] for name in curves.strata}, str(row["cause"]), row["time"])
        for row in read.to_dict("records")
    ]
    counted = pd.DataFrame(rows, columns=["waits", "at_risk", "ended"]).astype("int64")
    told = pd.concat([read, counted], axis=1).assign(
        by=read["time"].map(called), day=read["time"].astype(int)
    )
    figures = ["waits", "at_risk", "ended", "estimate", "std_error", "lower", "upper", "status"]
    return told[[*curves.strata, "cause", "by", "day", *figures]]


def _rests_on(
    waits: pd.DataFrame, group: Mapping[str, object], cause: str, day: float
) -> tuple[int, int, int]:
    """Waits of a group, those still waiting and observed on a day, and those ended for the cause by then."""
    mine = pd.Series(True, waits.index)
    for name, level in group.items():
        mine &= waits[name] == level
    there = mine & (waits["entered"] <= day) & (waits["left"] >= day)
    ended = mine & (waits["to_state"] == cause) & (waits["left"] <= day)
    return int(mine.sum()), int(there.sum()), int(ended.sum())

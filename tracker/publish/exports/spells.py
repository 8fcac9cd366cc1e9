"""Form «spells»: one row for each observed stay in a state, as days and steps since day 0."""

from __future__ import annotations

import pandas as pd

from tracker.publish.exports.material import Material, days_between
from tracker.publish.exports.tables import Table, described

DATES = ("origin_on", "entered_on", "left_on", "state_entered_on", "episode_entered_on")


def spells(material: Material) -> list[Table]:
    """Table ``spells``: ids, where, which stay, when, whereto, and covariates."""
    stays = material.stays
    day = {
        f"{name}_day": days_between(stays[f"{name}_on"], stays["origin_on"])
        for name in ("entered", "left", "state_entered", "episode_entered")
    }
    frame = pd.DataFrame(
        {
            **{name: stays[name] for name in ("id", "child", "municipality", "entry", "entry_month")},
            **{name: stays[name] for name in ("episode", "spell", "part", "state")},
            "entered_day": day["entered_day"],
            "entered_step": stays["entered_step"].astype("Int32"),
            "left_day": day["left_day"],
            "left_step": stays["left_step"].astype("Int32"),
            **{name: stays[name] for name in ("to_state", "exit", "left_assumed")},
            **{name: day[name] for name in ("state_entered_day", "episode_entered_day")},
            **{name: stays[name] for name in material.covariates},
            **{name: stays[name] for name in DATES if material.exact},
        }
    )
    return [described("spells", frame, material.cohort)]

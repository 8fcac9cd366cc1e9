"""Mean numbers of recurrences, against R's survival and Ghosh and Lin's estimator differentiated by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracker.estimate.recurrence import mean_count, mean_count_robust
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.results import Curves
from tracker.estimate.risk_sets import Stays, count, spells_as_stays

DATA = Path(__file__).parent / "recurrent_events"
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text())
AGAIN = Recurrence(into=("recurrence",))
UNTIL_DEATH = Recurrence(into=("recurrence",), terminal=("dead",))


def bladder1() -> pd.DataFrame:
    rows = pd.read_csv(DATA / "bladder1.csv").query("stop > start")
    ends = rows["status"].map({0: None, 1: "recurrence", 2: "dead", 3: "dead"})
    return rows.assign(state="observed", to=ends)


def cgd() -> pd.DataFrame:
    rows = pd.read_csv(DATA / "cgd.csv").rename(columns={"tstart": "start", "tstop": "stop"})
    return rows.assign(state="observed", to=rows["status"].map({0: None, 1: "recurrence"}))


def stays(rows: pd.DataFrame, group: str) -> Stays:
    return spells_as_stays(rows, subject="id", to_state="to", entered="start", left="stop", strata=[group])


def of_group(curves: Curves, group: str, times: list[float]) -> pd.DataFrame:
    """The rows of one stratum at the moments of events (step 1; censoring has a row of its own)."""
    frame = curves.frame
    picked = frame[(frame[curves.strata[0]] == group) & (frame["step"] == 1)].set_index("time")
    return picked.loc[times]


@pytest.mark.parametrize(
    ("key", "rows", "group"),
    [("mcf_cgd_by_treat", cgd(), "treat"), ("mcf_bladder1_by_treatment", bladder1(), "treatment")],
)
def test_mean_count_is_nelsons(key: str, rows: pd.DataFrame, group: str) -> None:
    spells = stays(rows, group)
    robust, counted = mean_count_robust(spells, AGAIN), mean_count(count(spells), AGAIN)
    for name, expected in EXPECTED[key].items():
        ours, poisson = (of_group(curves, name, expected["time"]) for curves in (robust, counted))
        for column, wanted in {"estimate": "mcf", "at_risk": "n_risk", "events": "n_event"}.items():
            np.testing.assert_allclose(ours[column], expected[wanted], rtol=0, atol=1e-8)
            np.testing.assert_allclose(poisson[column], expected[wanted], rtol=0, atol=1e-8)
        np.testing.assert_allclose(ours["std_error"], expected["se_robust"], rtol=0, atol=1e-8)
        np.testing.assert_allclose(poisson["std_error"], expected["se_poisson"], rtol=0, atol=1e-8)


def test_mean_count_with_death_is_ghosh_and_lins() -> None:
    curves = mean_count_robust(stays(bladder1(), "treatment"), UNTIL_DEATH)
    for name, expected in EXPECTED["ghosh_lin_bladder1_by_treatment"].items():
        ours = of_group(curves, name, expected["time"])
        np.testing.assert_allclose(ours["estimate"], expected["mcf"], rtol=0, atol=1e-8)
        np.testing.assert_allclose(ours["at_risk"], expected["n_risk"], rtol=0, atol=0)
        np.testing.assert_allclose(ours["events"], expected["n_recur"], rtol=0, atol=0)
        np.testing.assert_allclose(ours["std_error"], expected["se_ij_numeric"], rtol=0, atol=1e-8)

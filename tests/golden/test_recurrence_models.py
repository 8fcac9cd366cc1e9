"""Models of recurrent events against R's survival, Efron's and Breslow's ties, clustered on subject."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.recurrence_models import (
    andersen_gill,
    prentice_williams_peterson,
    wei_lin_weissfeld,
    wei_lin_weissfeld_by_event,
)
from tracker.estimate.recurrence_rows import NUMBER, event_rows
from tracker.estimate.risk_sets import Stays, spells_as_stays

DATA = Path(__file__).parent / "recurrent_events"
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text())
AGAIN = Recurrence(into=("recurrence",), terminal=("dead",))
BLADDER, CGD, ARMS = ("rx", "number", "size"), ("treat", "inherit", "age"), ("treatment", "number", "size")


def stays(name: str, ends: dict[int, str | None], status: str) -> Stays:
    rows = pd.read_csv(DATA / f"{name}.csv").rename(
        columns={"tstart": "start", "tstop": "stop", "hos.cat": "hospital"}
    )
    rows = rows.query("stop > start").assign(state="observed", to=lambda d: d[status].map(ends))
    taken = [str(column) for column in rows if column not in ("id", "state", "to", "start", "stop", status)]
    return spells_as_stays(
        rows,
        subject="id",
        to_state="to",
        entered="start",
        left="stop",
        covariates=taken,
        states=["observed", "recurrence", "dead"],
    )


BLADDER1 = stays("bladder1", {0: None, 1: "recurrence", 2: "dead", 3: "dead"}, "status")
BLADDER2 = stays("bladder2", {0: None, 1: "recurrence"}, "event")
INFECTIONS = stays("cgd", {0: None, 1: "recurrence"}, "status")

FITS: dict[str, Callable[[Ties], CoxFit]] = {
    "ag_bladder2": lambda ties: andersen_gill(BLADDER2, AGAIN, BLADDER, ties=ties),
    "ag_bladder1_3arm": lambda ties: andersen_gill(BLADDER1, AGAIN, ARMS, ties=ties),
    "ag_cgd": lambda ties: andersen_gill(INFECTIONS, AGAIN, CGD, ties=ties, reference={"treat": "placebo"}),
    "ag_cgd_strata_hoscat": lambda ties: andersen_gill(
        INFECTIONS, AGAIN, CGD, ties=ties, strata=["hospital"], reference={"treat": "placebo"}
    ),
    "pwp_total_time_bladder2": lambda ties: prentice_williams_peterson(BLADDER2, AGAIN, BLADDER, ties=ties),
    "pwp_gap_time_bladder2": lambda ties: prentice_williams_peterson(
        BLADDER2, AGAIN, BLADDER, clock="gap", ties=ties
    ),
    "pwp_gap_cgd_enum_le3": lambda ties: prentice_williams_peterson(
        INFECTIONS, AGAIN, CGD, clock="gap", most=3, ties=ties, reference={"treat": "placebo"}
    ),
    "wlw_common_bladder": lambda ties: wei_lin_weissfeld(BLADDER2, AGAIN, BLADDER, most=4, ties=ties),
    "wlw_by_stratum_bladder": lambda ties: wei_lin_weissfeld_by_event(
        BLADDER2, AGAIN, BLADDER, most=4, ties=ties
    ),
}


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("key", FITS)
def test_models_are_those_of_r(key: str, ties: Ties) -> None:
    fit, expected = FITS[key](ties), EXPECTED[f"{key}_{ties}"]
    for column, wanted in {
        "estimate": "coef",
        "std_error_model": "se_model",
        "std_error": "se_robust",
    }.items():
        np.testing.assert_allclose(fit.frame[column], list(expected[wanted].values()), rtol=0, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, expected["var_robust"]["data"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        fit.log_likelihood, [expected["loglik_null"], expected["loglik"]], rtol=1e-10, atol=0
    )
    statistics = {
        "likelihood_ratio": "lrt",
        "score": "score_test",
        "wald": "wald_test",
        "robust_score": "robust_score_test",
    }
    for ours, theirs in statistics.items():
        assert fit.tests[ours].statistic == pytest.approx(expected[theirs], rel=1e-8)
    assert fit.events == expected["n_event"]


@pytest.mark.parametrize(("data", "rows"), [("bladder2", BLADDER2), ("cgd", INFECTIONS)])
def test_events_are_numbered_as_in_the_data(data: str, rows: Stays) -> None:
    frame = pd.read_csv(DATA / f"{data}.csv")
    numbered = event_rows(rows, AGAIN)
    assert numbered.covariates[NUMBER].tolist() == frame["enum"].tolist()


RETURNS = spells_as_stays(
    pd.read_csv(DATA / "returns.csv"),
    subject="id",
    state="from",
    to_state="to",
    entered="t0",
    left="t1",
    covariates=["x", "z"],
    weight="w",
    states=["a", "b", "d", "e"],
)
RETURN = Recurrence(into=("b",), out_of=("a",), at_risk=("a",))
RETURN_FITS: dict[str, Callable[[Ties], CoxFit]] = {
    "total": lambda ties: prentice_williams_peterson(RETURNS, RETURN, ["x", "z"], ties=ties),
    "gap": lambda ties: prentice_williams_peterson(RETURNS, RETURN, ["x", "z"], clock="gap", ties=ties),
    "wlw": lambda ties: wei_lin_weissfeld(RETURNS, RETURN, ["x", "z"], most=2, ties=ties),
}


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("model", RETURN_FITS)
def test_who_leaves_for_elsewhere_is_at_risk_of_the_returns_of_its_day(model: str, ties: Ties) -> None:
    every = pd.read_csv(DATA / "returns_expected.csv")
    expected = every[(every["model"] == model) & (every["ties"] == ties)].set_index("term")
    found = RETURN_FITS[model](ties).frame.set_index("term")
    np.testing.assert_allclose(found["estimate"], expected["coef"], rtol=1e-8)
    np.testing.assert_allclose(found["std_error"], expected["se"], rtol=1e-8)

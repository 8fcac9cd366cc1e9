"""The data of the regression golden tests as stays, and the comparison with R."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tracker.estimate.results import Coefficients
from tracker.estimate.risk_sets import Stays, spells_as_stays

DATA = Path(__file__).parent / "regression"
DEATH = ("alive", "dead")


def expected(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return loaded


def until(frame: pd.DataFrame, time: str, died: "pd.Series[bool]", weight: str | None = None) -> Stays:
    """A row a person, alive from 0 until a time."""
    rows = frame.assign(state="alive", to=died.map({True: "dead", False: None}), zero=0)
    others = [str(name) for name in frame if name not in ("id", time)]
    return spells_as_stays(
        rows, subject="id", to_state="to", entered="zero", left=time, covariates=others, weight=weight
    )


def veteran() -> Stays:
    frame = pd.read_csv(DATA / "veteran.csv")
    cells = ["squamous", "smallcell", "adeno", "large"]
    frame["celltype"] = pd.Categorical(frame["celltype"], cells)
    return until(frame, "time", frame["status"] == 1)


def lung(*known: str, weight: str | None = None) -> Stays:
    frame = pd.read_csv(DATA / "lung.csv").dropna(subset=list(known))
    return until(frame, "time", frame["status"] == 2, weight)


def mgus2(*known: str) -> Stays:
    """From free of disease to progression or death before it."""
    frame = pd.read_csv(DATA / "mgus2.csv").dropna(subset=list(known))
    rows = frame.assign(state="free", to=frame["event"].where(frame["event"] != "censor"), zero=0)
    covariates = ["age", "sex", "hgb", "creat", "mspike"]
    return spells_as_stays(
        rows, subject="id", to_state="to", entered="zero", left="etime", covariates=covariates
    )


def illness_death() -> Stays:
    rows = pd.read_csv(DATA / "mgus2_illness_death.csv")
    rows["to"] = rows["event"].where(rows["event"] != "censor")
    return spells_as_stays(
        rows,
        subject="id",
        state="from",
        to_state="to",
        entered="tstart",
        left="tstop",
        covariates=["age", "sex"],
    )


def sir(clock: str) -> Stays:
    """Days on a ward, from admission or (``reset``) from each change of state."""
    rows = pd.read_csv(DATA / "sir_cont.csv", dtype={"from": str, "to": str})
    rows = rows.assign(age10=rows["age"] / 10, zero=0, length=rows["tstop"] - rows["tstart"])
    entered, left = ("tstart", "tstop") if clock == "forward" else ("zero", "length")
    return spells_as_stays(
        rows,
        subject="id",
        state="from",
        to_state="to",
        entered=entered,
        left=left,
        covariates=["age10", "sex"],
    )


def close(found: Any, wanted: Any, within: float = 1e-8) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(wanted, float), rtol=within, atol=within)


def same_fit(fit: Coefficients, wanted: dict[str, Any]) -> None:
    """Coefficients, both standard errors, log-likelihoods and tests are R's."""
    close(fit.frame["estimate"], list(wanted["coef"].values()))
    close(fit.frame["std_error_model"], list(wanted["se_model"].values()))
    close(fit.log_likelihood, [wanted["loglik_null"], wanted["loglik"]])
    tests = {"likelihood_ratio": "lrt", "score": "score_test", "wald": "wald_test"}
    if "se_robust" in wanted:
        close(fit.frame["std_error"], list(wanted["se_robust"].values()))
        tests["robust_score"] = "robust_score_test"
    for ours, theirs in tests.items():
        close(fit.tests[ours].statistic, wanted[theirs])
    assert fit.events == wanted["n_event"]

"""State occupation, transition probabilities and incidence against R's survival, etm and cmprsk."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracker.estimate.incidence import cumulative_incidence, exits_of, leaving
from tracker.estimate.intervals import Interval
from tracker.estimate.occupation import Occupation, aalen_johansen
from tracker.estimate.risk_sets import Floats, Stays, count, spells_as_stays
from tracker.estimate.robust import clustered, robust_expected_time, robust_occupation
from tracker.estimate.sojourn import expected_time
from tracker.estimate.starting import Initial, Mix
from tracker.estimate.transition_matrix import transition_matrices

HERE = Path(__file__).parent / "occupation"
DATA = Path(__file__).parent / "regression"
TOLERANCE = 1e-10


def expected(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return loaded


MGUS2, SIR, BLADDER, LUNG = (expected(name) for name in ("mgus2", "sir_cont", "bladder_states", "lung"))
BOUNDS = {"estimate": "pstate", "std_error": "se_pstate_ij", "lower": "lower", "upper": "upper"}


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(wanted, float), rtol=0, atol=TOLERANCE)


def numbers(matrix: dict[str, Any]) -> Floats:
    return np.array(matrix["data"], float)


def wide(frame: pd.DataFrame, column: str, order: list[str]) -> Floats:
    return frame.pivot(index="time", columns="state", values=column)[order].to_numpy(float)


def mgus2(*strata: str) -> Stays:
    frame = pd.read_csv(DATA / "mgus2.csv")
    rows = frame.assign(state="free", to=frame["event"].where(frame["event"] != "censor"), zero=0)
    return spells_as_stays(
        rows, subject="id", to_state="to", entered="zero", left="etime", strata=strata, states=FREE
    )


FREE = ["free", "pcm", "death"]


def sir_cont(*strata: str) -> Stays:
    rows = pd.read_csv(DATA / "sir_cont.csv", dtype={"from": str, "to": str})
    return spells_as_stays(
        rows, subject="id", state="from", to_state="to", entered="tstart", left="tstop", strata=strata
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
        strata=["sex"],
        states=["mgus", "pcm", "death"],
    )


def bladder() -> Stays:
    """Recurrences as states; a fifth recurrence stays in the fourth state."""
    rows = pd.read_csv(HERE / "bladder1_states.csv").sort_values(["id", "start"], kind="stable")
    rows["to"] = rows["event"].where(rows["event"] != "censor")
    rows["state"] = rows.groupby("id")["to"].shift(1)
    rows["state"] = rows.groupby("id")["state"].ffill().fillna("r0")
    return spells_as_stays(
        rows, subject="id", to_state="to", entered="start", left="stop", strata=["treatment"]
    )


def same_curves(
    fit: Occupation, stays: Stays, wanted: dict[str, Any], names: list[str], interval: Interval = "log"
) -> None:
    """Estimate, robust error and interval of each stratum, at the times given."""
    column = fit.risk.strata.columns[0] if fit.risk.strata.shape[1] else None
    for label, curve in wanted.items():
        times = [time for time in curve["time"] if time > 0]
        later = len(curve["time"]) - len(times)
        found = robust_occupation(fit, clustered(fit, stays, times), interval=interval).frame
        if column:
            found = found[found[column] == label.split("=")[1]]
        for name, key in BOUNDS.items():
            theirs = numbers(curve[key])[later:]
            mine = wide(found, name, names)
            certain = (numbers(curve["pstate"])[later:] % 1 == 0) & (key in ("lower", "upper"))
            close(np.where(certain, 0, mine), np.where(certain, 0, theirs))


@pytest.mark.parametrize(
    ("key", "interval"),
    [("aj_by_sex", "log"), ("aj_by_sex_ci_loglog", "log-log"), ("aj_by_sex_ci_plain", "plain")],
)
def test_competing_risks_by_sex(key: str, interval: Interval) -> None:
    stays = mgus2("sex")
    same_curves(aalen_johansen(count(stays)), stays, MGUS2[key], FREE, interval)


def test_competing_risks_as_one_stratum() -> None:
    stays = mgus2()
    same_curves(aalen_johansen(count(stays)), stays, MGUS2["aj_overall"], FREE)


def same_times(fit: Occupation, stays: Stays, horizon: float, wanted: dict[str, Any]) -> None:
    """Expected times and robust errors, one stratum; errors from counts are near the robust ones."""
    found = robust_expected_time(fit, clustered(fit, stays, horizons=[horizon])).frame
    close(found[["estimate", "std_error"]], numbers(wanted)[:, 2:])
    plain = expected_time(fit, [horizon]).frame
    close(plain["estimate"], found["estimate"])
    assert np.all(np.abs(plain["std_error"] / found["std_error"] - 1) < 0.07)


def test_expected_time_in_competing_states() -> None:
    stays = mgus2("sex")
    fit = aalen_johansen(count(stays))
    wanted = MGUS2["restricted_mean_time_in_state_240"]
    found = robust_expected_time(fit, clustered(fit, stays, horizons=[240])).frame
    _by_state_and_sex(found, wanted, FREE)


def _by_state_and_sex(found: pd.DataFrame, wanted: dict[str, Any], names: list[str]) -> None:
    indexed = found.set_index(["state", "sex"])
    ordered = indexed.loc[[(state, sex) for state in names for sex in "FM"]]
    close(ordered[["estimate", "std_error"]], numbers(wanted)[:, 2:])


def test_incidence_with_etms_errors() -> None:
    risk = count(mgus2("sex"))
    for sex, wanted in MGUS2["cif_se_greenwood_etm"].items():
        found = cumulative_incidence(risk, "free").at(wanted["time"])
        for cause in ("pcm", "death"):
            rows = found[(found["sex"] == sex) & (found["cause"] == cause)]
            close(rows["estimate"], wanted[cause])
            close(rows["std_error"], wanted[f"se_{cause}"])


def test_incidence_with_cmprsks_errors() -> None:
    wanted = MGUS2["cuminc_cmprsk"]
    found = cumulative_incidence(count(mgus2("sex")), "free", variance="delta").at(wanted["times"])
    for label, estimate, variance in zip(
        wanted["est"]["rows"], numbers(wanted["est"]), numbers(wanted["var"]), strict=True
    ):
        sex, cause = label.split()
        rows = found[(found["sex"] == sex) & (found["cause"] == FREE[int(cause)])]
        close(rows["estimate"], estimate)
        close(rows["std_error"] ** 2, variance)


def test_illness_and_death() -> None:
    stays = illness_death()
    fit = aalen_johansen(count(stays))
    same_curves(fit, stays, MGUS2["illness_death_aj_by_sex"], ["mgus", "pcm", "death"])
    found = robust_expected_time(fit, clustered(fit, stays, horizons=[240])).frame
    _by_state_and_sex(found, MGUS2["illness_death_rmean_240"], ["mgus", "pcm", "death"])


def test_recurrences_as_states() -> None:
    stays = bladder()
    fit = aalen_johansen(count(stays), initial="r0")
    same_curves(fit, stays, BLADDER, ["r0", "r1", "r2", "r3", "r4", "death"])


@pytest.mark.parametrize(("key", "since"), [("0", 0.0), ("5", 5.0)])
def test_transition_matrices_of_a_reversible_chain(key: str, since: float) -> None:
    wanted = SIR[f"etm_transition_probabilities_from_{key}"]
    found = transition_matrices(count(sir_cont()), wanted["times"], since=since)
    for state, rows in wanted["P"].items():
        close(found.probability[0, :, int(state)], numbers(rows))
    for state, rows in wanted.get("se_greenwood", {}).items():
        own = found.covariance[0, :, int(state), :, int(state), :]
        close(np.sqrt(np.einsum("tjj->tj", own)), numbers(rows))


@pytest.mark.parametrize(
    ("key", "initial", "strata"),
    [
        ("survfit_aj_all_times", Mix.SAMPLED, ()),
        ("survfit_aj_by_sex", Mix.SAMPLED, ("sex",)),
        ("survfit_aj_p0_state0", "0", ()),
    ],
)
def test_a_reversible_chain_from_a_mix(key: str, initial: Initial, strata: tuple[str, ...]) -> None:
    stays = sir_cont(*strata)
    same_curves(aalen_johansen(count(stays), initial=initial), stays, SIR[key], ["0", "1", "2"])


@pytest.mark.parametrize("horizon", [14, 28, 60])
def test_expected_time_in_a_reversible_chain(horizon: int) -> None:
    stays = sir_cont()
    same_times(aalen_johansen(count(stays)), stays, horizon, SIR[f"mean_time_in_state_{horizon}"])


def test_expected_time_in_a_reversible_chain_by_sex() -> None:
    stays = sir_cont("sex")
    fit = aalen_johansen(count(stays))
    found = robust_expected_time(fit, clustered(fit, stays, horizons=[28])).frame
    for label, wanted in SIR["mean_time_in_state_28_by_sex"].items():
        own = found[found["sex"] == label.split("=")[1]]
        close(own[["estimate", "std_error"]], numbers(wanted)[:, 2:])


def test_the_initial_mix() -> None:
    fit = aalen_johansen(count(sir_cont()))
    close(fit.start.initial[0], list(SIR["p0"].values()))


@pytest.mark.parametrize(
    ("key", "weight"), [("km_lung_weighted_robust", "w"), ("km_lung_unweighted_ij", None)]
)
def test_survival_with_weights(key: str, weight: str | None) -> None:
    frame = pd.read_csv(DATA / "lung.csv")
    rows = frame.assign(state="alive", to=np.where(frame["status"] == 2, "dead", None), zero=0)
    stays = spells_as_stays(
        rows, subject="id", to_state="to", entered="zero", left="time", strata=["sex"], weight=weight
    )
    fit = leaving(count(stays), "alive")
    for label, wanted in LUNG[key].items():
        found = robust_occupation(fit, clustered(fit, exits_of(stays, "alive"), wanted["time"])).frame
        alive = found[(found["sex"] == int(label[-1])) & (found["state"] == "alive")]
        positive = np.array(wanted["surv"]) > 0
        for column, name in {"estimate": "surv", "std_error": "se_surv"}.items():
            close(alive[column][positive], np.array(wanted[name], float)[positive])


def loops() -> Stays:
    rows = pd.read_csv(HERE / "loops.csv", na_values="", dtype={"from": str, "to": str})
    return spells_as_stays(rows, subject="id", state="from", to_state="to", entered="t0", left="t1")


@pytest.fixture(scope="module")
def loops_expected() -> pd.DataFrame:
    return pd.read_csv(HERE / "loops_expected.csv")


@pytest.mark.parametrize("since", [0, 3])
def test_late_entry_and_loops_as_etm(since: int, loops_expected: pd.DataFrame) -> None:
    found = transition_matrices(count(loops()), [4, 5, 6, 7, 8], since=since)
    state = {name: number for number, name in enumerate("abcd")}
    for key, time, what, value in loops_expected.itertuples(index=False):
        names = [state[name] for name in what.split()]
        if key == f"etm_p_{since}":
            close(found.probability[(0, time - 4, *names)], value)
        elif key == f"etm_cov_{since}":
            first, into, second = names
            close(found.covariance[0, time - 4, first, into, second, into], value)


def test_late_entry_and_loops_as_survfit(loops_expected: pd.DataFrame) -> None:
    stays = loops()
    fit = aalen_johansen(count(stays), initial="a", since=0)
    squared = clustered(fit, stays, range(1, 9), [7])
    wanted = loops_expected.pivot_table(index=["key", "time"], columns="what", values="value")
    found = robust_occupation(fit, squared).frame
    close(wide(found, "estimate", list("abcd")), wanted.loc["ij_p", list("abcd")])
    close(wide(found, "std_error", list("abcd")), wanted.loc["ij_se", list("abcd")])
    times = robust_expected_time(fit, squared).frame
    close(times["estimate"], wanted.loc[("ij_mean", 7), list("abcd")])
    close(times["std_error"], wanted.loc[("ij_mean_se", 7), list("abcd")])

"""Do intervals of survival, hazard and restricted means cover: delayed entry, heavy day ties, several stays.

Each replication is a stratum of one data set, so that all are estimated at once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.estimate.comparison import log_rank, restricted_mean_difference
from tracker.estimate.exits import Exits, leaving
from tracker.estimate.results import Curves
from tracker.estimate.risk_sets import Stays, count, spells_as_stays
from tracker.estimate.robust_survival import robust_kaplan_meier, robust_nelson_aalen
from tracker.estimate.survival import fleming_harrington, kaplan_meier, nelson_aalen
from tracker.estimate.survival_summaries import restricted_mean

CHILDREN = 150
SCALE, SHAPE = 8.0, 1.3
DAYS = [2, 5, 10]
HORIZON = 10

Floats = NDArray[np.float64]


def measure(replications: int, seed: int) -> pd.DataFrame:
    """Rows of ``what``, ``nominal`` and ``rate``, the share of replications in which it held."""
    random = np.random.default_rng(seed)
    late, several = _late_entries(replications, random), _several_stays(replications, random)
    rows = [*_curves(late), *_means(late), *_robust(several), *_tests(replications, random)]
    return pd.DataFrame(rows, columns=["what", "nominal", "rate"]).assign(replications=replications)


def _late_entries(replications: int, random: np.random.Generator) -> Stays:
    """Two in five are seen from a later day only, if they are still there; a third are censored."""
    size = 3 * CHILDREN * replications
    left = np.ceil(SCALE * random.weibull(SHAPE, size))
    entered = random.integers(1, 8, size) * (random.random(size) < 0.4)
    frame = pd.DataFrame({"left": left, "entered": entered, "replication": np.arange(size) % replications})
    seen = frame[frame["left"] > frame["entered"]].groupby("replication").head(CHILDREN)
    censored = seen["entered"] + np.ceil(random.exponential(20, len(seen)))
    return _stays(seen.assign(censored=censored), "replication")


def _several_stays(replications: int, random: np.random.Generator) -> Stays:
    """Three stays a child, alike: the rate of a child is gamma distributed with variance one half."""
    size = CHILDREN * replications
    rate = np.repeat(random.gamma(2, 0.5, size), 3)
    left = np.ceil(SCALE * (random.exponential(1, 3 * size) / rate) ** (1 / SHAPE))
    child = np.repeat(np.arange(size), 3)
    frame = pd.DataFrame(
        {"left": left, "entered": 0, "subject_id": child, "replication": child % replications}
    )
    return _stays(frame.assign(censored=np.ceil(random.exponential(25, len(frame)))), "replication")


def _stays(frame: pd.DataFrame, *strata: str) -> Stays:
    happened = frame["left"] <= frame["censored"]
    rows = frame.assign(
        state="in",
        to_state=happened.map({True: "out", False: None}),
        left=frame[["left", "censored"]].min(axis=1),
    )
    rows = rows if "subject_id" in rows else rows.assign(subject_id=range(len(rows)))
    return spells_as_stays(rows, strata=strata)


def _survival(days: object) -> Floats:
    return np.asarray(np.exp(-((np.asarray(days, float) / SCALE) ** SHAPE)))


def _covered(curves: Curves, truth: Floats) -> list[float]:
    read = curves.at(DAYS)
    aims = read["time"].map(dict(zip(DAYS, truth, strict=True)))
    held = (read["lower"] <= aims) & (aims <= read["upper"])
    return [float(held[read["time"] == day].mean()) for day in DAYS]


def _rows(what: str, rates: list[float]) -> list[tuple[str, float, float]]:
    return [(f"{what}, day {day}", 0.95, rate) for day, rate in zip(DAYS, rates, strict=True)]


def _curves(data: Stays) -> list[tuple[str, float, float]]:
    exits, rows = leaving(count(data), "in"), []
    truth = _survival(DAYS)
    for interval in ("log", "log-log", "logit", "arcsine"):
        curves = kaplan_meier(exits, interval=interval)
        rows += _rows(f"Kaplan–Meier, {interval}", _covered(curves, truth))
    hazard = np.cumsum(1 - _survival(range(1, 11)) / _survival(range(10)))[np.array(DAYS) - 1]
    curves = nelson_aalen(exits, variance="greenwood")
    rows += _rows("Nelson–Aalen, log, greenwood", _covered(curves, hazard))
    tied = fleming_harrington(exits, interval="log-log")
    return rows + _rows("Fleming–Harrington, log-log", _covered(tied, truth))


def _means(data: Stays) -> list[tuple[str, float, float]]:
    exits = leaving(count(data), "in")
    truth = float(_survival(range(HORIZON)).sum())
    mean = restricted_mean(exits, HORIZON).frame
    held = float(((mean["lower"] <= truth) & (truth <= mean["upper"])).mean())
    half = len(exits.strata) // 2
    pairs = [_pair(exits, one, one + half) for one in range(half)]
    return [
        ("restricted mean, plain", 0.95, held),
        ("restricted mean difference", 0.95, float(np.mean(pairs))),
    ]


def _pair(exits: Exits, one: int, other: int) -> bool:
    """Whether the difference of two replications, in truth none, has an interval around 0."""
    both = [one, other]
    arrays = {name: getattr(exits, name)[both] for name in ("at_risk", "events", "lost", "entered")}
    kept = {name: getattr(exits, name) for name in ("state", "to", "moment", "time", "step")}
    row = restricted_mean_difference(Exits(exits.strata.iloc[both], **kept, **arrays), HORIZON).frame.iloc[0]
    return bool(row["lower"] <= 0 <= row["upper"])


def _robust(data: Stays) -> list[tuple[str, float, float]]:
    """A gamma mixture of Weibull times: S(d) = (1 + (d / scale)^shape / 2)^−2."""

    def survival(days: object) -> Floats:
        return np.asarray((1 + (np.asarray(days, float) / SCALE) ** SHAPE / 2) ** -2.0)

    hazard = np.cumsum(1 - survival(range(1, 11)) / survival(range(10)))[np.array(DAYS) - 1]
    curves = robust_kaplan_meier(data, "in", interval="log-log")
    rows = _rows("Kaplan–Meier by child, log-log", _covered(curves, survival(DAYS)))
    return rows + _rows("Nelson–Aalen by child, log", _covered(robust_nelson_aalen(data, "in"), hazard))


def _tests(replications: int, random: np.random.Generator) -> list[tuple[str, float, float]]:
    """How often tests of groups that are alike reject at 5 %."""
    size = CHILDREN * replications
    left, entered = np.ceil(SCALE * random.weibull(SHAPE, 2 * size)), random.integers(0, 4, 2 * size)
    frame = pd.DataFrame({"left": left, "entered": entered})[left > entered].head(size)
    frame["replication"] = np.arange(len(frame)) % replications
    frame["group"] = random.integers(0, 3, len(frame))
    frame["censored"] = frame["entered"] + np.ceil(random.exponential(20, len(frame)))
    rejected: dict[str, list[bool]] = {"log-rank": [], "Peto–Peto": []}
    for _, part in frame.groupby("replication"):
        exits = leaving(count(_stays(part, "group")), "in")
        for name, rho in [("log-rank", 0.0), ("Peto–Peto", 1.0)]:
            rejected[name].append(log_rank(exits, ["group"], rho=rho).p_value < 0.05)
    return [
        (f"{name} rejects, in truth alike", 0.05, float(np.mean(held))) for name, held in rejected.items()
    ]

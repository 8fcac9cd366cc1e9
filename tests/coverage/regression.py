"""Do intervals of Cox and Fine–Gray cover: late entry, children who come back, days of many events.

Children leave a state at constant intensities counted in whole days, for one of two others; those who come
back have stays that depend on one another through a rate of their own. Synthetic.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.regression_samples import EVENT, simulated
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.fine_gray import fine_gray, fine_gray_late_entry
from tracker.estimate.predicted_occupation import predicted_occupation
from tracker.estimate.proportional import proportional_hazards
from tracker.estimate.regression import cox
from tracker.estimate.risk_sets import END, Stays, spells_as_stays

EFFECT = 0.4
CHILDREN = 300
GIRLS = {"sex": "girl"}
SHARE = 0.5
DAY = 40.0

Floats = NDArray[np.float64]


def measure(replications: int, seed: int) -> pd.DataFrame:
    """Rows of ``what``, ``nominal`` and ``rate``, the share of replications in which it held."""
    seeds = [seed + one for one in range(replications)]
    held = [{**_hazards(one), **_dependent(one), **_subdistribution(one)} for one in seeds]
    rates = pd.DataFrame(held).mean()
    nominal = [0.05 if name.endswith("rejects") else 0.95 for name in rates.index]
    return pd.DataFrame({"what": rates.index, "nominal": nominal, "rate": rates.to_numpy()}).assign(
        replications=replications
    )


def _covers(fit: CoxFit, truth: float) -> bool:
    row = fit.frame.iloc[0]
    return bool(row["lower"] <= np.exp(truth) <= row["upper"])


def _hazards(seed: int) -> dict[str, bool]:
    """Stays that do not depend on one another, from late entries on."""
    data = simulated(2 * seed, CHILDREN, EFFECT, latest=10)
    ways = [EVENT, ("open", "moved")]
    fits = [cox(data, way, "sex", reference=GIRLS) for way in ways]
    curves = predicted_occupation(fits, pd.DataFrame({"sex": ["boy"]}), "open", factors="exponential")
    read = curves.at([DAY]).set_index("state").loc["closed"]
    out, other = np.exp(EFFECT) / 50, 1 / 150
    truth = out / (out + other) * -np.expm1(-(out + other) * (DAY + 1))
    return {
        "Cox, model-based": _covers(fits[0], EFFECT),
        "Cox, robust": _covers(cox(data, EVENT, "sex", reference=GIRLS, cluster="subject"), EFFECT),
        "occupation from two models": bool(read["lower"] <= truth <= read["upper"]),
        "proportional hazards, in truth so, rejects": proportional_hazards(fits[0]).p_value < 0.05,
    }


def _dependent(seed: int) -> dict[str, bool]:
    """Stays of one child depend on one another; in truth there is no effect."""
    fit = cox(simulated(2 * seed + 1, CHILDREN, 0.0), EVENT, "sex", reference=GIRLS, cluster="subject")
    return {"Cox, robust, stays of a child alike": _covers(fit, 0.0)}


def _subdistribution(seed: int) -> dict[str, bool]:
    """Fine and Gray's own example, F(t) = 1 − (1 − p(1 − e^−t))^exp(βx), in days; with late entry too."""
    random = np.random.default_rng(seed)
    whole, late = (_competing(random, size, latest) for size, latest in ((CHILDREN, 0), (2 * CHILDREN, 15)))
    return {
        "Fine–Gray": _covers(fine_gray(whole, EVENT, "sex", reference=GIRLS), EFFECT),
        "Fine–Gray with late entry": _covers(
            fine_gray_late_entry(late, EVENT, "sex", reference=GIRLS), EFFECT
        ),
    }


def _competing(random: np.random.Generator, size: int, latest: int) -> Stays:
    boy = random.integers(0, 2, size)
    ratio = np.exp(EFFECT * boy)
    first = random.random(size) < 1 - (1 - SHARE) ** ratio
    u = random.random(size) * (1 - (1 - SHARE) ** ratio)
    time = -np.log1p(-(1 - (1 - u) ** (1 / ratio)) / SHARE)
    time = np.floor(20 * np.where(first, time, random.exponential(1 / np.exp(0.2 * boy))))
    seen = np.floor(random.uniform(20, 80, size))
    to = np.where(time > seen, "", np.where(first, "closed", "moved"))
    entered = random.integers(0, latest + 1, size) * (random.random(size) < 0.5)
    frame = pd.DataFrame({"child": np.arange(size), "state": "open", "entered": entered, "to": to})
    frame = frame.assign(sex=np.where(boy, "boy", "girl"), left=np.minimum(time, seen))
    frame["to"] = frame["to"].replace("", None)
    frame["entered_step"] = np.where(entered > 0, END, 0)
    frame["left_step"] = np.where(frame["to"].isna(), END, 1)
    frame = frame[(frame["left"] > frame["entered"]) | (frame["entered_step"] == 0)]
    return spells_as_stays(
        frame,
        subject="child",
        to_state="to",
        entered_step="entered_step",
        left_step="left_step",
        covariates=["sex"],
    )

"""What a Cox model says of a given covariate pattern: its cumulative hazard and its survival.

With hazard increments dH and mean covariates x̄ at each event of the fit, a person with covariates x has the
cumulative hazard Σ exp(xβ) dH. Its variance has a part from the increments and a part from β:
exp(2xβ) Σ W/d Σ_l 1/c_l² + q' V q, q = exp(xβ) Σ (x − x̄) dH. Sources: Breslow (1974); Tsiatis (1981);
Efron's ties: Therneau & Grambsch (2000), §10.2; Andersen et al. (1993), eq. VII.2.18.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.results import Curves, Method
from tracker.estimate.risk_sets import Floats, Ints

SOURCE = "Breslow (1974); Tsiatis (1981); Therneau & Grambsch (2000), §10.2"


@dataclass(frozen=True)
class Hazards:
    """The hazard of one transition for patterns (N) at the slots of one stratum (E).

    ``increments`` [E, N]; ``variance`` [E, N] of each increment when β is known; ``slope`` [E, N, K] is what
    a change of β adds to the increment.
    """

    time: Floats
    step: Ints
    at_risk: Floats
    events: Floats
    increments: Floats
    variance: Floats
    slope: Floats


def hazards(fit: CoxFit, patterns: pd.DataFrame, stratum: int) -> Hazards:
    """The hazard increments of patterns in one stratum of the fit.

    Raises EstimateError for covariates missing or unknown to the model.
    """
    here = np.flatnonzero(fit.sets.stratum == stratum)
    columns = fit.design.matrix(patterns) - fit.centre
    risk = np.exp(columns @ fit.estimates)
    hazard = fit.sums.hazard[here]
    slope = hazard[:, None, None] * columns[None] - fit.sums.drift[here][:, None, :]
    return Hazards(
        fit.sets.time[here],
        fit.sets.step[here],
        fit.sets.summed(np.ones(fit.sets.changes.shape[1]))[here],
        fit.sets.weight[here],
        hazard[:, None] * risk,
        fit.sums.ties.one_squared[here][:, None] * risk**2,
        slope * risk[None, :, None],
    )


def cumulative_hazards(fit: CoxFit, patterns: pd.DataFrame, level: float = 0.95) -> Curves:
    """The cumulative hazard of patterns, a row each of ``patterns`` (columns of covariates), in each stratum.

    The intervals are on the log scale. Key: the columns of ``patterns`` (of the strata only those wanted,
    when it has their columns). ``at_risk`` and ``events`` are of everybody in the stratum, by weight. The
    last row is the last moment anyone was followed. Raises EstimateError for unknown covariates and strata.
    """
    return _curves(fit, patterns, level, "cumulative hazard")


def survival(fit: CoxFit, patterns: pd.DataFrame, level: float = 0.95) -> Curves:
    """The probability exp(−H) of not yet having had the transition, were it the only way out of the state.

    As ``cumulative_hazards``; the standard error is S × that of H, the intervals are on the log scale of S.
    With competing ways out this is no probability of anything seen: see ``predicted_occupation``.
    """
    return _curves(fit, patterns, level, "survival")


Quantity = Literal["cumulative hazard", "survival"]


def _curves(fit: CoxFit, patterns: pd.DataFrame, level: float, quantity: Quantity) -> Curves:
    z = float(stats.norm.ppf(0.5 + level / 2))
    frames = [
        _frame(fit, stratum, patterns.iloc[rows], quantity, z)
        for stratum, rows in strata_of(fit, patterns)
        if len(rows)
    ]
    key = tuple(str(name) for name in patterns.columns if name not in fit.strata)
    method = Method(
        f"{quantity} by Cox regression", SOURCE, f"β: {fit.method.variance}", "log scale", fit.method.ties
    )
    start = 1.0 if quantity == "survival" else 0.0
    every = pd.concat(frames, ignore_index=True)
    return Curves(quantity, every, fit.strata, key, fit.about, method, start, level)


def strata_of(fit: CoxFit, patterns: pd.DataFrame) -> list[tuple[int, Ints]]:
    """The strata to predict in and the patterns wanted in each.

    Raises EstimateError for strata the fit does not have, and without events.
    """
    every = np.arange(len(patterns), dtype=np.int64)
    present = sorted(set(fit.sets.stratum.tolist()))
    if not len(patterns):
        raise EstimateError("There is no pattern to predict for.")
    if not fit.strata or any(name not in patterns.columns for name in fit.strata):
        return [(stratum, every) for stratum in present]
    known = pd.MultiIndex.from_frame(fit.sets.strata)
    wanted = known.get_indexer(pd.MultiIndex.from_frame(patterns[list(fit.strata)]))
    if unknown := sorted(set(wanted.tolist()) - set(present)):
        raise EstimateError(f"{len(unknown)} of the strata to predict in have no event in the fit.")
    return [(stratum, every[wanted == stratum]) for stratum in present]


def _frame(fit: CoxFit, stratum: int, patterns: pd.DataFrame, quantity: Quantity, z: float) -> pd.DataFrame:
    found = hazards(fit, patterns, stratum)
    total = np.cumsum(found.increments, axis=0)
    slope = np.cumsum(found.slope, axis=0)
    spread = np.cumsum(found.variance, axis=0) + np.einsum("enk,kl,enl->en", slope, fit.covariance, slope)
    error = np.sqrt(spread)
    time, step, leaving = fit.sets.last[stratum]
    with_end = _Rows(found, float(time), int(step), float(leaving))
    named = {str(name): value for name, value in fit.sets.strata.iloc[stratum].items()}
    frames = []
    for number, keys in enumerate(
        patterns.drop(columns=list(fit.strata), errors="ignore").to_dict("records")
    ):
        frame = with_end.frame(_values(total[:, number], error[:, number], quantity, z))
        every = [*named.items(), *((str(name), value) for name, value in keys.items())]
        keyed = {name: [value] * len(frame) for name, value in every}
        frames.append(pd.DataFrame(keyed).join(frame))
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class _Rows:
    """The rows of a curve: one for each slot, and one for the last moment of its stratum."""

    found: Hazards
    time: float
    step: int
    leaving: float

    def frame(self, values: dict[str, Floats]) -> pd.DataFrame:
        found = self.found
        frame = pd.DataFrame(
            {
                "time": found.time,
                "step": found.step,
                "at_risk": found.at_risk,
                "events": found.events,
                **values,
            }
        )
        if (found.time[-1], found.step[-1]) == (self.time, self.step):
            return frame
        end = frame.iloc[[-1]].assign(time=self.time, step=self.step, at_risk=self.leaving, events=0.0)
        return pd.concat([frame, end], ignore_index=True)


def _values(total: Floats, error: Floats, quantity: Quantity, z: float) -> dict[str, Floats]:
    if quantity == "cumulative hazard":
        ratio = np.exp(z * error / total)
        return {"estimate": total, "std_error": error, "lower": total / ratio, "upper": total * ratio}
    left = np.exp(-total)
    lower, upper = left * np.exp(-z * error), np.minimum(1.0, left * np.exp(z * error))
    return {"estimate": left, "std_error": left * error, "lower": lower, "upper": upper}

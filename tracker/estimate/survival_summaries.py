"""Single numbers read off survival curves: quantiles, the mean up to a horizon, the time lost by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.exits import NEGLIGIBLE, Exits
from tracker.estimate.intervals import quantile_of
from tracker.estimate.results import TOO_RECENT, VALUE, Curves, Method, Summary
from tracker.estimate.risk_sets import Floats
from tracker.estimate.survival import hazard_steps, survival_steps

Horizon = float | Literal["common"]
"""Days (or the unit of the data), or ``common``: the largest time anyone was followed, over all curves."""

TOLERANCE = 1.5e-8
"""Probabilities closer than this are the same, as in R: products of shares differ in the last digits."""

RESTRICTED_MEAN = Method(
    "restricted mean",
    "Irwin (1949); Klein & Moeschberger (2003), Survival Analysis, (4.5.1) and (4.5.2)",
    "Greenwood (1926)",
    "plain",
)
QUANTILE = Method("quantile of a survival curve", "Brookmeyer & Crowley (1982), Biometrics 38:29–41")


def quantiles(curves: Curves, probabilities: Sequence[float] = (0.25, 0.5, 0.75)) -> Summary:
    """The times by which these shares have left the state, by stratum.

    ``curves`` are survival curves. The quantile is the first time at which survival is 1 − p or less; where
    survival is exactly 1 − p for a while, the middle of that while (as in R). Bounds are the same of the
    curve's lower and upper bounds; where a bound rises again its first crossing counts (R's ``quantile``
    takes a later one there, R's printed median the first). ``status`` is ``too_recent``, and the estimate
    missing, when fewer have left than asked for; a missing bound is beyond follow-up. There is no standard
    error. Raises EstimateError for probabilities outside (0, 1) and curves that do not start at 1.
    """
    wanted = np.asarray(probabilities, float)
    if wanted.size == 0 or not np.all((wanted > 0) & (wanted < 1)):
        raise EstimateError("Quantiles are of probabilities between 0 and 1, and of at least one.")
    if curves.start != 1:
        raise EstimateError(f"Quantiles are read off survival curves; these are of {curves.quantity}.")
    names = list(curves.strata)
    grouped = curves.frame.groupby(names, sort=False, dropna=False) if names else [((), curves.frame)]
    parts = [_quantiles(part, names, wanted) for _, part in grouped if len(part)]
    columns = [*names, "probability", *_VALUES, "at_risk", "events", "status"]
    frame = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    method = replace(QUANTILE, interval=curves.method.interval, variance=curves.method.variance)
    return Summary(
        "time by which a share has left", frame, curves.strata, (), curves.about, method, curves.level
    )


def restricted_mean(exits: Exits, horizon: Horizon, *, level: float = 0.95) -> Summary:
    """The mean time in the state up to ``horizon``, from the start of the clock, by stratum.

    The area under the Kaplan–Meier curve, with the variance from Greenwood's terms and a plain interval.
    Raises EstimateError for a horizon past what a stratum was followed, unless its curve has reached 0.
    """
    return _area_summary(exits, horizon, level)


def time_lost(exits: Exits, horizon: Horizon, *, level: float = 0.95) -> Summary:
    """The mean time by which leaving comes before ``horizon``: the horizon less the restricted mean.

    Raises EstimateError as ``restricted_mean``.
    """
    kept = _area_summary(exits, horizon, level)
    length = kept.frame["horizon"] - exits.since
    estimate, lower, upper = (length - kept.frame[name] for name in ("estimate", "upper", "lower"))
    frame = kept.frame.assign(estimate=estimate, lower=lower, upper=upper)
    return replace(kept, quantity="time lost", frame=frame, method=replace(kept.method, name="time lost"))


def areas(exits: Exits, horizon: Horizon) -> tuple[float, Floats, Floats]:
    """The horizon as a number, the area under each stratum's curve up to it [G], and its variance [G].

    Raises EstimateError as ``restricted_mean``.
    """
    end = _resolve(exits, horizon)
    survival, _ = survival_steps(exits)
    _require_followed(exits, survival, end)
    within = exits.time <= end
    widths = np.diff(np.concatenate([[exits.since], exits.time[within], [end]]))
    kept = survival[:, within]
    pieces = np.concatenate([np.ones((len(kept), 1)), kept], axis=1) * widths
    beyond = np.cumsum(pieces[:, :0:-1], axis=1)[:, ::-1]
    hazard, left = hazard_steps(exits)[:, within], (exits.at_risk - exits.events)[:, within]
    some = left > NEGLIGIBLE * exits.at_risk[:, within]
    terms = np.divide(hazard, left, out=np.zeros_like(left), where=some)
    return end, pieces.sum(axis=1), np.asarray((beyond**2 * terms).sum(axis=1))


_VALUES = ("estimate", "std_error", "lower", "upper")


def _quantiles(part: pd.DataFrame, names: list[str], wanted: Floats) -> pd.DataFrame:
    curve = part.sort_values(["time", "step"], kind="stable")
    time = curve["time"].to_numpy(float)
    estimate, lower, upper = (
        _first_below(time, curve[name].to_numpy(float), 1 - wanted) for name in ("estimate", "lower", "upper")
    )
    same = {name: curve[name].iloc[0] for name in [*names, "at_risk"]}
    return pd.DataFrame({"probability": wanted, "estimate": estimate, "lower": lower, "upper": upper}).assign(
        std_error=np.nan,
        events=curve["events"].sum(),
        status=np.where(np.isnan(estimate), TOO_RECENT, VALUE),
        **same,
    )


def _first_below(time: Floats, survival: Floats, shares: Floats) -> Floats:
    """The first time at which the curve is at each share or less; on a flat piece at it, its middle."""
    found = np.full(len(shares), np.nan)
    for number, share in enumerate(shares):
        reached = np.flatnonzero(survival <= share + TOLERANCE)
        below = np.flatnonzero(survival < share - TOLERANCE)
        if not reached.size:
            continue
        first = reached[0]
        flat_until = time[below[0]] if below.size else _end_of_flat(time, survival)
        found[number] = (
            (time[first] + flat_until) / 2 if survival[first] >= share - TOLERANCE else time[first]
        )
    return found


def _end_of_flat(time: Floats, survival: Floats) -> float:
    """Where a curve that ends on a flat piece ends; unknown when it ends without a value."""
    return float(time[-1]) if not np.isnan(survival[-1]) else np.nan


def _resolve(exits: Exits, horizon: Horizon) -> float:
    if horizon == "common":
        return float(exits.ends.max(initial=exits.since))
    if not isinstance(horizon, (int, float)) or not exits.since < horizon < np.inf:
        raise EstimateError(f"A horizon is a time after {exits.since:g}, or «common»; found {horizon}.")
    return float(horizon)


def _require_followed(exits: Exits, survival: Floats, end: float) -> None:
    ends = exits.ends
    short = np.flatnonzero((ends < end) & (survival[:, -1:].min(axis=1, initial=1) > 0))
    if not short.size:
        return
    group = int(short[0])
    named = ", ".join(f"{name} {value}" for name, value in exits.strata.iloc[group].items())
    raise EstimateError(
        f"The horizon {end:g} is past what was followed{f' in {named}' if named else ''}: the last one was "
        f"observed until {ends[group]:g} and some are still in «{exits.state}»."
    )


def _area_summary(exits: Exits, horizon: Horizon, level: float) -> Summary:
    end, mean, variance = areas(exits, horizon)
    error = np.sqrt(variance)
    distance = quantile_of(level) * error
    observed = (exits.events + exits.lost > 0) & (exits.at_risk > 0)
    first = np.argmax(observed, axis=1) if observed.size else np.zeros(0, np.int64)
    frame = exits.strata.reset_index(drop=True).assign(
        horizon=end,
        estimate=mean,
        std_error=error,
        lower=mean - distance,
        upper=mean + distance,
        at_risk=exits.at_risk[np.arange(len(first)), first],
        events=exits.events[:, exits.time <= end].sum(axis=1),
    )
    names = tuple(map(str, exits.strata.columns))
    return Summary("restricted mean", frame, names, (), exits.about, RESTRICTED_MEAN, level)

"""What a segmented regression says of the months: as fitted, and as expected had nothing changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracker.estimate.interrupted_terms import Season, term_columns
from tracker.estimate.risk_sets import Floats, Ints


@dataclass(frozen=True)
class Estimated:
    """Estimates with their covariance, and the quantile of intervals."""

    params: Floats
    covariance: Floats
    quantile: float


@dataclass(frozen=True)
class _Mean:
    """Means of the months by the model [n], and how they change with each coefficient [n, k]."""

    value: Floats
    slope: Floats


def _mean(columns: Floats, told: Estimated, base: Floats, shares: bool) -> _Mean:
    linear = columns @ told.params
    if shares:
        value = 1 / (1 + np.exp(-linear))
        return _Mean(value, columns * (value * (1 - value))[:, None])
    value = base * np.exp(linear)
    return _Mean(value, columns * value[:, None])


def _unchanged(columns: Floats) -> Floats:
    """The same months had nothing changed."""
    same = columns.copy()
    same[:, 2:4] = 0
    return same


def fitted_months(frame: pd.DataFrame, base: str, season: Season, told: Estimated) -> pd.DataFrame:
    """The months with what the model says of them: the columns of ``Interrupted.months``."""
    shares = base == "of"
    _, columns = term_columns(frame["month"].to_numpy(), frame["calendar"].to_numpy(), season)
    linear = columns @ told.params
    far = told.quantile * np.sqrt(np.einsum("nk,kl,nl->n", columns, told.covariance, columns))
    link = (lambda v: 1 / (1 + np.exp(-v))) if shares else np.exp
    with np.errstate(divide="ignore", invalid="ignore"):
        value = frame["count"].to_numpy(float) / frame[base].to_numpy(float)
    without = link(_unchanged(columns) @ told.params)
    return pd.DataFrame(
        {
            "period": frame["period"],
            "value": value,
            "fitted": link(linear),
            "lower": link(linear - far),
            "upper": link(linear + far),
            "counterfactual": np.where(frame["month"] >= 0, without, np.nan),
            "used": frame["used"],
        }
    )


def effects_since(frame: pd.DataFrame, base: str, season: Season, told: Estimated) -> pd.DataFrame:
    """Fitted against expected since the break: the columns of ``Interrupted.effects``."""
    after = frame[frame["month"] >= 0]
    _, columns = term_columns(after["month"].to_numpy(), after["calendar"].to_numpy(), season)
    exposure, shares = after[base].to_numpy(float), base == "of"
    seen = _mean(columns, told, exposure, shares)
    without = _mean(_unchanged(columns), told, exposure, shares)
    every = np.arange(len(after))
    chosen = {"first month": every[:1], "last month": every[-1:], "all months since": every}
    rows = [
        {
            "at": name,
            "from": after["period"].iloc[rows[0]],
            "to": after["period"].iloc[rows[-1]],
            **_effect(_over(seen, rows), _over(without, rows), told),
        }
        for name, rows in chosen.items()
    ]
    return pd.DataFrame(rows)


def _over(mean: _Mean, rows: Ints) -> _Mean:
    return _Mean(mean.value[rows].mean(keepdims=True), mean.slope[rows].mean(axis=0, keepdims=True))


def _effect(seen: _Mean, without: _Mean, told: Estimated) -> dict[str, float]:
    fitted, expected = float(seen.value[0]), float(without.value[0])
    difference = seen.slope[0] - without.slope[0]
    ratio = seen.slope[0] / fitted - without.slope[0] / expected
    far, far_log = (
        told.quantile * float(np.sqrt(slope @ told.covariance @ slope)) for slope in (difference, ratio)
    )
    change = float(np.log(fitted / expected))
    return {
        "fitted": fitted,
        "expected": expected,
        "difference": fitted - expected,
        "difference_lower": fitted - expected - far,
        "difference_upper": fitted - expected + far,
        "ratio": fitted / expected,
        "ratio_lower": float(np.exp(change - far_log)),
        "ratio_upper": float(np.exp(change + far_log)),
    }

"""Transition intensities as occurrence by exposure: moves divided by the time spent where they begin.

Hoem (1976), Scand. J. Statist. 3:169–191: the maximum likelihood estimate of an intensity that is constant
within a band of time. Intervals are exact for Poisson counts (Garwood 1936, Biometrika 28:437–442).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import chi2

from tracker.domain.errors import EstimateError
from tracker.estimate.results import Method, Summary
from tracker.estimate.risk_sets import Floats, RiskSets

METHOD = Method(
    "occurrence/exposure rate",
    "Hoem (1976), Scand. J. Statist. 3:169–191",
    variance="Poisson",
    interval="exact, Garwood (1936), Biometrika 28:437–442",
    ties="none: time is counted in whole units of the clock",
)


def intensities(
    risk: RiskSets, bands: Sequence[float] = (), *, per: float = 1.0, level: float = 0.95
) -> Summary:
    """The rate of every transition, by stratum and band of the clock.

    ``bands`` are the times at which a new band begins, after the first; a move at a time that ends a band
    belongs to it. ``frame``: strata, ``from_state``, ``to_state``, ``band_from``, ``band_to`` (missing:
    open), ``events``, ``exposure`` (in units of the clock), ``estimate``, ``std_error`` and bounds per
    ``per`` units. No rate where nobody spent any time; a stay of no length has no exposure. Raises
    EstimateError for bands that do not increase.
    """
    edges = np.array([0.0, *bands, np.inf])
    if not np.all(np.diff(edges) > 0):
        raise EstimateError("Bands begin at increasing times after 0.")
    exposure, moved = _exposure(risk, edges), _moved(risk, edges)
    rows = [
        _rows(risk, number, edges, exposure, moved[:, :, number]) for number in range(len(risk.transitions))
    ]
    frame = pd.concat(rows, ignore_index=True) if rows else _empty(risk)
    strata = tuple(str(name) for name in risk.strata.columns)
    key = ("from_state", "to_state", "band_from")
    return Summary("transition intensity", _rated(frame, per, level), strata, key, risk.about, METHOD, level)


def _exposure(risk: RiskSets, edges: Floats) -> Floats:
    """Time spent by stratum, band and state, [G, B, H]."""
    time = risk.moments.time
    start = np.concatenate([time[:1], time[:-1]])
    spent = np.zeros((len(risk.strata), len(edges) - 1, len(risk.states)))
    for band, (low, high) in enumerate(pairwise(edges)):
        within = np.clip(time, low, high) - np.clip(start, low, high)
        spent[:, band] = np.einsum("gth,t->gh", risk.at_risk, within)
    return spent


def _moved(risk: RiskSets, edges: Floats) -> Floats:
    """Moves by stratum, band and transition, [G, B, M]; those at time 0 belong to the first band."""
    band = np.maximum(np.searchsorted(edges, risk.moments.time, side="left") - 1, 0)
    bands = range(len(edges) - 1)
    return np.stack([risk.moved[:, band == number].sum(1) for number in bands], axis=1)


def _rows(risk: RiskSets, number: int, edges: Floats, exposure: Floats, moved: Floats) -> pd.DataFrame:
    source, target = risk.named(number)
    group, band = (part.ravel() for part in np.indices(moved.shape))
    strata = risk.strata.iloc[group].reset_index(drop=True)
    return strata.assign(
        from_state=source,
        to_state=target,
        band_from=edges[band],
        band_to=np.where(np.isinf(edges[band + 1]), np.nan, edges[band + 1]),
        events=moved.ravel(),
        exposure=exposure[:, :, risk.state(source)].ravel(),
    )


def _empty(risk: RiskSets) -> pd.DataFrame:
    columns = ["from_state", "to_state", "band_from", "band_to", "events", "exposure"]
    return pd.DataFrame({name: pd.Series(dtype=float) for name in [*risk.strata.columns, *columns]})


def _rated(frame: pd.DataFrame, per: float, level: float) -> pd.DataFrame:
    events, exposure = frame["events"].to_numpy(float), frame["exposure"].to_numpy(float)
    known = exposure > 0
    scale = np.divide(per, exposure, out=np.full(len(frame), np.nan), where=known)
    tail = (1 - level) / 2
    return frame.assign(
        estimate=events * scale,
        std_error=np.sqrt(events) * scale,
        lower=np.where(events > 0, chi2.ppf(tail, 2 * np.maximum(events, 1)) / 2, 0.0) * scale,
        upper=chi2.ppf(1 - tail, 2 * (events + 1)) / 2 * scale,
        status=np.where(known, "value", "not_applicable"),
    )

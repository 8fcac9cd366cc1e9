"""The times of stays as a parametric model takes them: exact, or as days with a length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.event_flows import columns_of
from tracker.estimate.risk_sets import END, Floats, Ints, Stays

Times = Literal["days", "exact"]
"""Whether an exit on day d happened somewhere in [d, d + 1), or at d."""


@dataclass(frozen=True)
class StayTimes:
    """Of the stays (``row`` their numbers) in one state: left in [``lower``, ``upper``), or after ``lower``
    when ``upper`` is infinite; seen from ``entry`` on."""

    row: Ints
    lower: Floats
    upper: Floats
    entry: Floats


def times_of(stays: Stays, state: str, to: Sequence[str] | None, times: Times) -> StayTimes:
    """The times of the stays in a state until they are left for one of ``to`` (None: any); others censor.

    Days: an exit on day d lies in [d, d + 1); censoring at the end of day d is beyond d + 1, another exit of
    day d beyond d; who enters on day d has stayed d days, at its end d + 1. Exact: times are what they are.
    Raises EstimateError for unknown states, a state nobody leaves that way, and events at exact time 0.
    """
    if times not in ("days", "exact"):
        raise EstimateError(f"Times are days or exact, not «{times}».")
    for name in (state, *(to or ())):
        if name not in stays.states:
            raise EstimateError(f"There is no state «{name}» here; there are {', '.join(stays.states)}.")
    row = np.flatnonzero(stays.state == stays.states.index(state))
    targets = [stays.states.index(name) for name in to] if to else range(len(stays.states))
    event = np.isin(stays.to[row], list(targets))
    if not event.any():
        raise EstimateError(f"Nobody leaves «{state}» that way: there is no time to model.")
    if times == "exact":
        return _exact(stays, row, event)
    lower, last = _moment(stays, stays.left[row])
    first, at_end = _moment(stays, stays.entered[row])
    lower = np.where(event, lower, lower + last)
    return StayTimes(row, lower, np.where(event, lower + 1, np.inf), first + at_end)


def as_intervals(
    stays: Stays, state: str, to: Sequence[str] | None = None, times: Times = "days"
) -> pd.DataFrame:
    """The stays in a state as other packages read them: lifelines, icenReg, flexsurv.

    Columns ``subject`` (a number), ``lower``, ``upper`` (infinite where censored), ``entry``, ``event``,
    ``weight``, then those of strata and covariates; times as ``times_of`` has them, and it raises the same.
    """
    known = times_of(stays, state, to, times)
    frame = pd.DataFrame(
        {
            "subject": stays.subject[known.row],
            "lower": known.lower,
            "upper": known.upper,
            "entry": known.entry,
            "event": np.isfinite(known.upper).astype(int),
            "weight": stays.weight[known.row],
        }
    )
    return pd.concat([frame, columns_of(stays).iloc[known.row].reset_index(drop=True)], axis=1)


def _exact(stays: Stays, row: Ints, event: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> StayTimes:
    time = stays.moments.time[stays.left[row]]
    if (event & (time <= 0)).any():
        raise EstimateError("An exact time of 0 has no likelihood in these models: take times as days.")
    return StayTimes(row, time, np.where(event, time, np.inf), stays.moments.time[stays.entered[row]])


def _moment(stays: Stays, moment: Ints) -> tuple[Floats, Floats]:
    """The day of each moment, and 1 where it is the end of the day."""
    return stays.moments.time[moment], (stays.moments.step[moment] == END).astype(float)

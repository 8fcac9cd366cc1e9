"""Do intervals of mean numbers and of gaps cover: children who differ, late entry, day ties, an end.

Each replication is a stratum of one data set, so that all are estimated at once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.estimate.recurrence import gap_incidence, gap_incidence_robust, mean_count, mean_count_robust
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.results import About, Curves
from tracker.estimate.risk_sets import END, Stays, count, spells_as_stays

CHILDREN = 150
RATE, SELDOM, FATAL, LAST = 0.1, 0.03, 0.03, 20
DAYS = [5, 10, 18]
AGAIN = Recurrence(into=("referral",))
UNTIL_ADULT = Recurrence(into=("referral",), terminal=("adult",))

Floats = NDArray[np.float64]
Row = tuple[str, float, float]


def measure(replications: int, seed: int) -> pd.DataFrame:
    """Rows of ``what``, ``nominal`` and ``rate``, the share of replications in which it held."""
    random = np.random.default_rng(seed)
    differ, alike = (_returning(replications, random, spread) for spread in (0.5, 0.0))
    rows = _rows("mean number by child", mean_count_robust(differ, AGAIN), _mean(0.5, 0.0))
    rows += _rows(
        "mean number until adult by child", mean_count_robust(differ, UNTIL_ADULT), _mean(0.5, FATAL)
    )
    rows += _rows("mean number, Poisson, alike", mean_count(count(alike), AGAIN), _mean(0.0, 0.0))
    rows += _rows(
        "mean number until adult, Poisson, alike", mean_count(count(alike), UNTIL_ADULT), _mean(0.0, FATAL)
    )
    rows += _gaps(replications, random)
    return pd.DataFrame(rows, columns=["what", "nominal", "rate"]).assign(replications=replications)


def poisson_where_children_differ(replications: int, seed: int) -> pd.DataFrame:
    """The same of the variance that does not know children: it should fall short."""
    differ = _returning(replications, np.random.default_rng(seed), 0.5)
    rows = _rows("mean number, Poisson, differing", mean_count(count(differ), AGAIN), _mean(0.5, 0.0))
    return pd.DataFrame(rows, columns=["what", "nominal", "rate"])


def _rates(random: np.random.Generator, size: int, spread: float) -> Floats:
    """A rate for each child: gamma with mean ``RATE`` and, on the scale of its mean, variance ``spread``.

    Children who are alike have events ``SELDOM``: a Poisson variance is too long where many share a day.
    """
    return RATE * random.gamma(1 / spread, spread, size) if spread else np.full(size, SELDOM)


def _day(spread: float, days: float = 1.0) -> float:
    """Share with an event within so many days."""
    kept = (1 + RATE * days * spread) ** (-1 / spread) if spread else np.exp(-SELDOM * days)
    return float(1 - kept)


def _mean(spread: float, fatal: float) -> Floats:
    """True mean numbers at ``DAYS``: events of a day come before growing up on it."""
    present = (1 - fatal) ** np.arange(LAST)
    return np.asarray(np.cumsum(present * _day(spread))[np.array(DAYS) - 1])


def _returning(replications: int, random: np.random.Generator, spread: float) -> Stays:
    """At most a referral a day; two in five are first seen on a later day; some grow up, some are censored.

    The referral of a day is its step 1, growing up step 2.
    """
    size = CHILDREN * replications
    entered = random.integers(1, 8, size) * (random.random(size) < 0.4)
    adult = random.geometric(FATAL, size)
    lost = np.minimum(entered + random.geometric(0.03, size), LAST)
    seen = adult > entered
    end = np.minimum(adult, lost)
    happens = random.random((size, LAST)) < -np.expm1(-_rates(random, size, spread))[:, None]
    day = np.arange(1, LAST + 1)
    happens &= (day > entered[:, None]) & (day <= end[:, None]) & seen[:, None]
    child, events = np.nonzero(happens)
    last = np.flatnonzero(seen)
    grows_up = adult[last] <= lost[last]
    rows = pd.DataFrame(
        {
            "subject_id": np.concatenate([child, last]),
            "left": np.concatenate([events + 1, end[last]]),
            "left_step": np.concatenate([np.ones(len(child), int), np.where(grows_up, 2, END)]),
            "to_state": ["referral"] * len(child) + ["adult" if grown else None for grown in grows_up],
        }
    ).sort_values(["subject_id", "left", "left_step"], ignore_index=True)
    first = ~rows["subject_id"].duplicated()
    rows["entered"] = np.where(first, entered[rows["subject_id"]], rows["left"].shift(fill_value=0))
    rows["entered_step"] = np.where(first, END, rows["left_step"].shift(fill_value=0))
    return _stays(rows, replications)


def _stays(rows: pd.DataFrame, replications: int, clock: str = "entry") -> Stays:
    return spells_as_stays(
        rows.assign(state="closed", replication=rows["subject_id"] % replications),
        entered_step="entered_step",
        left_step="left_step",
        strata=["replication"],
        states=["closed", "referral", "adult"],
        about=About(clock=clock),
    )


def _gaps(replications: int, random: np.random.Generator) -> list[Row]:
    """Three gaps a child, alike among themselves; seven in ten end in a referral, the others do not."""
    size = CHILDREN * replications
    child = np.repeat(np.arange(size), 3)
    time = np.ceil(random.exponential(1, len(child)) / _rates(random, size, 0.5)[child])
    censored = random.geometric(0.04, len(child))
    cause = np.where(random.random(len(child)) < 0.7, "referral", "adult")
    happened = time <= censored
    rows = pd.DataFrame(
        {
            "subject_id": child,
            "entered": 0,
            "entered_step": 0,
            "left": np.minimum(time, censored),
            "left_step": np.where(happened, 1, END),
            "to_state": pd.Series(cause).where(happened, None),
        }
    )
    truth = 0.7 * np.array([_day(0.5, days) for days in DAYS])
    stays = _stays(rows, replications, "state")
    alone = _stays(rows.drop_duplicates("subject_id"), replications, "state")
    found = _rows("gap incidence by child", _again(gap_incidence_robust(stays, "closed")), truth)
    return found + _rows("gap incidence, one a child", _again(gap_incidence(count(alone), "closed")), truth)


def _again(curves: Curves) -> Curves:
    return Curves(**{**vars(curves), "frame": curves.frame[curves.frame["cause"] == "referral"]})


def _rows(what: str, curves: Curves, truth: Floats) -> list[Row]:
    read = curves.at(DAYS)
    aims = read["time"].map(dict(zip(DAYS, truth, strict=True)))
    held = (read["lower"] <= aims) & (aims <= read["upper"])
    return [(f"{what}, day {day}", 0.95, float(held[read["time"] == day].mean())) for day in DAYS]

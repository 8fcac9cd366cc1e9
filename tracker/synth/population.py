"""The children: born, living somewhere, some moving, a few dying; and the days of the simulation.

Days are whole numbers since 1970-01-01 in int32 arrays; ``NEVER`` stands for a day that does not come.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd

from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025
from tracker.synth.plan import Plan

NEVER = np.int32(2**30)
YEAR = 365.25
Days = np.ndarray


def day_number(day: object) -> int:
    """Days since 1970-01-01 of a date."""
    return int(np.datetime64(str(day), "D").astype(np.int64))


REFORM = day_number(SOCIAL_SERVICES_ACT_2025)


@dataclass(frozen=True)
class Municipality:
    """A Swedish municipality: SCB code, name and approximate population."""

    code: str
    name: str
    population: int


def municipalities(count: int) -> tuple[Municipality, ...]:
    """``count`` municipalities spread over all size classes, in order of code."""
    text = resources.files("tracker.synth").joinpath("municipalities.csv").read_text("utf-8")
    every = [
        Municipality(r["code"], r["name"], int(r["population"])) for r in csv.DictReader(text.splitlines())
    ]
    if count > len(every):
        raise ValueError(f"at most {len(every)} municipalities can be generated, not {count}")
    every.sort(key=lambda m: -m.population)
    chosen = {round(k) for k in np.linspace(0, len(every) - 1, count)} if count > 1 else {0}
    return tuple(sorted((every[k] for k in chosen), key=lambda m: m.code))


@dataclass(frozen=True)
class Children:
    """Parallel arrays, one entry a child. ``prior`` is the number of episodes before the simulation."""

    birth: Days
    boy: np.ndarray
    home: np.ndarray  # index of the municipality
    moves_on: Days
    moves_to: np.ndarray
    dies_on: Days
    frequent: np.ndarray
    prior: np.ndarray

    def __len__(self) -> int:
        return len(self.birth)


def children(plan: Plan, places: tuple[Municipality, ...], count: int, rng: np.random.Generator) -> Children:
    """Draw ``count`` children who are younger than 18 at some time in the simulated days."""
    p = plan.parameters
    start = day_number(plan.window.first) - plan.burn_in_days
    stop = day_number(plan.window.last)
    birth = rng.integers(start - int(18 * YEAR), stop, count, dtype=np.int32)
    # Large municipalities are damped so that small ones have enough to show.
    weight = np.array([m.population for m in places], float) ** 0.6
    home = rng.choice(len(places), count, p=weight / weight.sum()).astype(np.int16)
    moves_on = _first(p.life.move, start, stop, count, rng)
    dies_on = _first(p.life.death, start, day_number(plan.last_extract), count, rng)
    moves_to = (home + rng.integers(1, max(len(places), 2), count)) % len(places)
    moves_on = np.where(moves_to == home, NEVER, np.maximum(moves_on, birth + 1))
    age = np.clip((start - birth) / YEAR, 0, 18)
    return Children(
        birth=birth,
        boy=rng.random(count) < 0.512,
        home=home,
        moves_on=moves_on.astype(np.int32),
        moves_to=moves_to.astype(np.int16),
        dies_on=np.maximum(dies_on, birth + 1).astype(np.int32),
        frequent=rng.random(count) < p.referral.frequent_share,
        prior=rng.poisson(p.referral.prior_per_year_of_age * age).astype(np.int32),
    )


def _first(per_year: float, start: int, stop: int, count: int, rng: np.random.Generator) -> Days:
    """Day of the first event of a Poisson process after ``start``; NEVER when after ``stop``."""
    day = start + np.floor(rng.exponential(YEAR / per_year, count))
    return np.asarray(np.where(day > stop, NEVER, day), np.int32)


def age(birth: Days, day: Days) -> np.ndarray:
    """Whole years of age on a day; −1 before birth. The domain's rule, on arrays."""
    born = birth.astype("datetime64[D]")
    now = day.astype("datetime64[D]")
    years = now.astype("datetime64[Y]").astype(int) - born.astype("datetime64[Y]").astype(int)
    return np.asarray(years - (_month_day(now) < _month_day(born)), np.int16)


def _month_day(day: np.ndarray) -> np.ndarray:
    month = day.astype("datetime64[M]")
    return np.asarray((month.astype(int) % 12) * 32 + (day - month).astype(int))


def birthday(birth: Days, years: int) -> Days:
    """The day a child turns ``years``; 1 March for 29 February in common years."""
    born = birth.astype("datetime64[D]")
    month = born.astype("datetime64[M]")
    return np.asarray(((month + 12 * years).astype("datetime64[D]") + (born - month)).astype(np.int32))


def months_later(day: Days, months: int) -> Days:
    """The same day ``months`` calendar months later, clamped to the end of a shorter month."""
    this = day.astype("datetime64[D]")
    month = this.astype("datetime64[M]")
    last = (month + months + 1).astype("datetime64[D]") - 1
    clamped = np.minimum((month + months).astype("datetime64[D]") + (this - month), last)
    return np.asarray(clamped.astype(np.int32))


def dates(day: Days) -> pd.Series:
    """Day numbers as dates, NaT for NEVER."""
    values = day.astype("datetime64[D]").astype("datetime64[s]")
    return pd.Series(values).mask(np.asarray(day) >= NEVER)

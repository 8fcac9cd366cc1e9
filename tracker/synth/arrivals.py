"""When referrals come: the intensity while nothing is open, and its first point by thinning.

Lewis and Shedler's thinning: candidates from a constant bound on the intensity are kept with
probability intensity / bound, which is exact for an intensity that is piecewise constant in age,
calendar time and time since the last episode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.synth.parameters import ReferralIntensity
from tracker.synth.population import NEVER, REFORM, YEAR, Children, Days


@dataclass(frozen=True)
class Idle:
    """Children with nothing open: which, since when, after how many episodes, until when at most."""

    child: np.ndarray
    since: Days
    earlier: np.ndarray
    ended: Days  # day the last episode ended; −NEVER if none in the simulation
    until: Days


def intensity(idle: Idle, day: Days, people: Children, p: ReferralIntensity) -> np.ndarray:
    """Referrals per child and year on ``day``."""
    child = idle.child
    group = np.clip((day - people.birth[child]) / YEAR / 3, 0, 5.99).astype(int)
    recent = np.where(day - idle.ended < p.recent_days, p.recent, 1.0)
    reform = np.where(day >= REFORM, p.reform, 1.0)
    return np.asarray(np.asarray(p.base)[group] * recent * reform * _constant(idle, people, p))


def _constant(idle: Idle, people: Children, p: ReferralIntensity) -> np.ndarray:
    sex = np.asarray(p.sex)[people.boy[idle.child].astype(int)]
    earlier = np.asarray(p.earlier)[np.minimum(idle.earlier, len(p.earlier) - 1)]
    return np.asarray(sex * earlier * np.where(people.frequent[idle.child], p.frequent, 1.0))


def next_referral(idle: Idle, people: Children, p: ReferralIntensity, rng: np.random.Generator) -> Days:
    """Day of the next referral of each idle child; NEVER where it would come on ``until`` or later."""
    bound = max(p.base) * p.recent * max(p.reform, 1.0) * _constant(idle, people, p)
    at = idle.since.astype(float)
    found = np.full(len(at), NEVER, np.int32)
    open_ = np.arange(len(at))
    while len(open_):
        at[open_] += rng.exponential(1.0, len(open_)) * YEAR / bound[open_]
        open_ = open_[at[open_] < idle.until[open_]]
        day = np.floor(at[open_]).astype(np.int32)
        rate = intensity(_take(idle, open_), day, people, p)
        kept = rng.random(len(open_)) * bound[open_] < rate
        found[open_[kept]] = day[kept]
        open_ = open_[~kept]
    return found


def _take(idle: Idle, rows: np.ndarray) -> Idle:
    return Idle(idle.child[rows], idle.since[rows], idle.earlier[rows], idle.ended[rows], idle.until[rows])


def office_day(day: Days, rng: np.random.Generator) -> Days:
    """Most of what arrives on a weekend is registered on Monday, which makes ties."""
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    delay = np.where(weekday >= 5, 7 - weekday, 0)
    return (day + np.where(rng.random(len(day)) < 0.85, delay, 0)).astype(np.int32)

"""What the simulated process is known to do is what the estimators find, transition by transition.

What is known is computed from the declared parameters alone. Everything is seeded, and the bounds are four
standard errors: with some fifty numbers compared, a right estimator fails for one seed in three hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

import tracker.study
from tests.process_snapshot import histories_of, plan_of, process_snapshot
from tracker.estimate.exits import leaving
from tracker.estimate.incidence import cumulative_incidence
from tracker.estimate.occupation import aalen_johansen
from tracker.estimate.parametric import accelerated_failure
from tracker.estimate.regression import cox
from tracker.estimate.results import About
from tracker.estimate.risk_sets import Stays, count, spells_as_stays
from tracker.estimate.robust import clustered, robust_occupation
from tracker.estimate.survival import kaplan_meier, nelson_aalen
from tracker.estimate.survival_summaries import quantiles
from tracker.projections.cohort_reading import parse_cohort
from tracker.synth.episodes import A1, IMMEDIATE
from tracker.synth.parameters import (
    Assessment,
    Intervening,
    Life,
    Parameters,
    ReferralIntensity,
    Sorting,
)
from tracker.synth.population import NEVER, YEAR, day_number, months_later
from tracker.synth.process import Histories

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

P = Parameters(
    referral=ReferralIntensity(twin=0.0, unborn=0.0, during_investigation=0.0, during_intervention=0.0),
    sorting=Sorting(undecided=0.0),
    life=Life(move=1e-9, death=1e-9),
)
"""The process without what overlaps: one thing is open at a time, but for decisions."""

PLAN = plan_of(P)
START, LAST = day_number(PLAN.window.first), day_number(PLAN.window.last) + 1
"""Observation ends with the window, the day before the Act: what happens later is censored then."""

OFFICE = 0.85
"""Share of what falls on a weekend that is registered on the Monday after (``arrivals.office_day``)."""


@pytest.fixture(scope="module")
def truth() -> Histories:
    return histories_of(PLAN, 50_000, seed=2)


def followed(table: pd.DataFrame, begin: str, end: str, exit_: object, state: str) -> pd.DataFrame:
    """Stays in days since they began; what goes on, or was cut short, is censored."""
    ends = table[end].to_numpy(int)
    seen = (ends < LAST) & ~table.get("cut", pd.Series(False, index=table.index)).to_numpy(bool)
    exits = pd.Series(exit_, index=table.index, dtype=object).where(seen, None)
    return pd.DataFrame(
        {
            "subject_id": np.arange(len(table)), "state": state, "to_state": exits, "entered": 0,
            "entered_step": 0, "left": np.minimum(ends, LAST) - table[begin].to_numpy(int), "left_step": 1,
        }
    )  # fmt: skip


def stays(rows: pd.DataFrame, clock: str = "state") -> Stays:
    about = About(clock=clock)
    return spells_as_stays(rows, entered_step="entered_step", left_step="left_step", about=about)


def agree(frame: pd.DataFrame, known: Sequence[float] | Floats, what: str) -> None:
    """Each estimate is within four standard errors of what is known."""
    off = (frame["estimate"].to_numpy(float) - np.asarray(known)) / frame["std_error"].to_numpy(float)
    assert np.all(np.abs(off) < 4), f"{what}: {frame.assign(known=known, off=off).to_string()}"


def registered_by(chance: Floats, begun: Whole, day: int) -> Floats:
    """The probability [n] of being registered within ``day`` days, of days with these chances [n, days]."""
    total = np.zeros(len(begun))
    for lasted in range(day + 1):
        on = begun + lasted
        weekday = (on + 3) % 7
        monday = lasted + np.where(weekday >= 5, 7 - weekday, 0)
        total += chance[:, lasted] * (OFFICE * (monday <= day) + (1 - OFFICE))
    return total


def assessment_law(immediate: NDArray[np.bool_], a: Assessment, days: int) -> Floats:
    """The chance of each number of days to the decision [n, days], before weekends are moved."""
    same = np.where(immediate, a.immediate, a.same_day)[:, None]
    day = np.arange(days)
    late = np.where(day >= 15, np.exp(-(day - 15) / a.late_days) - np.exp(-(day - 14) / a.late_days), 0)
    tail = np.exp(-np.arange(13) / a.early_mean)
    early = np.zeros(days)
    early[1:14] = np.append(tail[:12] - tail[1:], tail[12])
    on_14 = (1 - same) * a.on_day_14
    return np.asarray(
        same * (day == 0) + on_14 * (day == 14) + a.late * late + (1 - same - on_14 - a.late) * early
    )


def opening_chance(truth: Histories, table: pd.DataFrame) -> Floats:
    """The chance that a referral opens an investigation, by reason, type, age and sex."""
    child = table.child.to_numpy()
    years = (table.received.to_numpy() - truth.people.birth[child]) / YEAR
    factor = np.where(truth.people.boy[child], P.sorting.boys_12_14, P.sorting.girls_12_14)
    chance = np.asarray(P.reasons.opening)[table.reason1.to_numpy()]
    chance = np.where((years >= 12) & (years < 15), chance * factor, chance)
    return np.where(table.type == 1, P.sorting.application_opening, chance)


def before_adult(truth: Histories, table: pd.DataFrame, on: str, days: int) -> pd.DataFrame:
    """Those whose 18th birthday is more than so many days away: growing up cuts nothing short."""
    adult = months_later(truth.people.birth[table.child.to_numpy()], 12 * 18)
    return table[adult > table[on].to_numpy() + days]


@pytest.mark.parametrize("application", [False, True])
def test_from_referral_to_investigation_or_not(truth: Histories, application: bool) -> None:
    own = truth.referrals[(truth.referrals.type == 1) == application].query(f"received < {LAST - 130}")
    own = before_adult(truth, own, "received", 130)
    exits = np.where(own.action == A1, "investigation", "closed")
    days = [0, 3, 7, 14, 21, 40]
    rows = followed(own, "received", "concluded", exits, "referral")
    found = cumulative_incidence(count(stays(rows)), "referral").at(days).set_index("cause")
    chance = assessment_law(IMMEDIATE[own.reason1.to_numpy()], P.assessment, max(days) + 1)
    opening = opening_chance(truth, own)
    by_day = [registered_by(chance, own.received.to_numpy(int), day) for day in days]
    agree(found.loc["investigation"], [(share * opening).mean() for share in by_day], "opened")
    agree(found.loc["closed"], [(share * (1 - opening)).mean() for share in by_day], "not opened")


def investigated_by(opened: Whole, day: int) -> float:
    """The share of investigations closed within ``day`` days, by the declared mixture."""
    q = P.investigating
    limit = (months_later(opened.astype(np.int32), 4) - opened)[:, None]
    days, edges = np.arange(day + 1)[None, :], np.arange(day + 2, dtype=float)[None, :]
    short = np.diff(stats.expon(scale=9).cdf(edges))
    usual = stats.lognorm(q.spread, scale=q.median_days).cdf(edges - 2)
    usual = np.diff(np.where(edges > limit, 1.0, usual))
    on_limit = ((days <= limit) & (days > limit - 5)) / 5
    late = np.diff(np.where(edges > limit + 1, 1 - np.exp(-(edges - limit - 1) / q.late_days), 0))
    chance = q.short * short + q.on_limit * on_limit + q.late * late
    chance = chance + (1 - q.short - q.on_limit - q.late) * usual
    return float(registered_by(chance, opened, day).mean())


def test_how_long_investigations_take(truth: Histories) -> None:
    """Half are closed about the day they should be; growing up cuts some short, the window's end others."""
    own, days = truth.investigations.query(f"opened < {LAST}"), [5, 20, 60, 90, 115, 125, 150, 200]
    rows = followed(own, "opened", "closed", "closed", "investigation")
    opened = own.opened.to_numpy(int)
    curve = kaplan_meier(leaving(count(stays(rows)), "investigation"))
    agree(curve.at(days), [1 - investigated_by(opened, day) for day in days], "still investigated")
    median = quantiles(curve, [0.5]).frame.iloc[0]
    assert investigated_by(opened, int(median["lower"]) - 1) < 0.5 + 1e-9
    assert investigated_by(opened, int(median["upper"])) >= 0.5 - 1e-9


def granted(truth: Histories) -> pd.DataFrame:
    """Granted interventions that do not begin on the spot."""
    own = truth.interventions.query(f"decision == 0 and not immediate and decided < {LAST}")
    return before_adult(truth, own, "decided", 200)


def test_how_long_interventions_run(truth: Histories) -> None:
    """A day and an exponential time, in whole days, until the age at which they end."""
    own, mean = granted(truth).query(f"started < {LAST}"), P.intervening.mean_days
    data = stays(followed(own, "started", "ended", "closed", "intervention"))
    exits, days = leaving(count(data), "intervention"), np.array([30, 100, 173, 250, 500, 900])
    curve = kaplan_meier(exits)
    agree(curve.at(days.tolist()), np.exp(-days / mean), "still running")
    agree(nelson_aalen(exits).at([365, 730]), -np.expm1(-1 / mean) * np.array([365, 730]), "hazard")
    median = quantiles(curve, [0.5]).frame.iloc[0]
    assert median["lower"] <= np.ceil(mean * np.log(2)) <= median["upper"]
    fit = accelerated_failure(data, "intervention", family="exponential")
    agree(fit.frame, np.log([mean + 1]), "log mean")


def waiting_law(p: Intervening, days: int) -> Floats:
    """The chance of each number of days from decision to start: at once, or a day and an exponential time."""
    tail = np.exp(-np.arange(days) / p.start_mean)
    later = (1 - p.start_same_day) * (tail[:-1] - tail[1:])
    return np.asarray((1 - p.never_started) * np.append(p.start_same_day, later))


def test_occupation_from_the_decision_on_is_the_convolution(truth: Histories) -> None:
    """Granted, running, ended: times that remember make no Markov chain, and occupation is right still."""
    own, p, days = granted(truth), P.intervening, [0, 10, 30, 90, 200, 400]
    first = followed(own.assign(cut=False), "decided", "started", "intervention", "granted")
    then = followed(own, "decided", "ended", "ended", "intervention")
    then = then.assign(entered=first["left"], entered_step=1, left_step=2)
    both = pd.concat([first, then[(own.started < LAST).to_numpy()]], ignore_index=True)
    data = stays(both, clock="entry")
    fit = aalen_johansen(count(data))
    found = robust_occupation(fit, clustered(fit, data, days)).frame.set_index(["state", "time"])
    wait, going = waiting_law(p, 401), np.exp(-np.arange(401) / p.mean_days)
    for day in days:
        begun, running = wait[: day + 1].sum(), float(wait[: day + 1] @ going[day::-1][: day + 1])
        known = {"granted": 1 - begun, "intervention": running, "ended": begun - running}
        here = found.xs(day, level="time").query("std_error > 0")
        agree(here, [known[str(state)] for state in here.index], f"day {day}")


def test_referrals_come_as_often_as_declared(truth: Histories) -> None:
    """A child's first: as many as expected at each level of each covariate, and each ratio as declared."""
    p, pieces = P.referral, idle_pieces(truth)
    group = pieces["age_group"].astype(int).to_numpy()
    rate = np.asarray(p.base)[group] * np.asarray(p.earlier)[pieces["earlier"].astype(int)]
    rate *= np.where(pieces["sex"] == "boy", p.sex[1], p.sex[0])
    rate *= np.where(pieces["frequent"] == "yes", p.frequent, 1.0)
    pieces = pieces.assign(expected=rate * (pieces["left"] - pieces["entered"]) / YEAR)
    named = ["sex", "frequent", "earlier", "age_group"]
    for name in named:
        seen = pieces.groupby(name)[["came", "expected"]].sum()
        off = (seen["came"] - seen["expected"]) / np.sqrt(seen["expected"])
        assert off.abs().max() < 4, f"{name}: {seen}"
    data = spells_as_stays(pieces, covariates=named)
    found = cox(data, ("closed", "referral"), named, cluster="subject").frame.set_index("term")
    known = {"sex: girl": p.sex[0] / p.sex[1], "frequent: yes": p.frequent}
    known |= {f"earlier: {k}": p.earlier[k] for k in (1, 2, 3)}
    known |= {f"age_group: {k}": p.base[k] / p.base[0] for k in range(1, 6)}
    assert set(found.index) == set(known)
    agree(found, np.log([known[str(term)] for term in found.index]), "log rate ratios")


def idle_pieces(truth: Histories) -> pd.DataFrame:
    """Time until a child's first referral, in pieces of one age group; days since the window began."""
    people, numbers = truth.people, np.arange(len(truth.people))
    first = truth.referrals.groupby("child")["received"].min().reindex(numbers).fillna(NEVER).to_numpy()
    last = np.minimum(months_later(people.birth, 12 * 18), LAST)
    rows = pd.DataFrame(
        {
            "subject_id": numbers, "begin": np.maximum(people.birth, START), "end": np.minimum(first, last),
            "came": first < last, "sex": np.where(people.boy, "boy", "girl"),
            "frequent": np.where(people.frequent, "yes", "no"),
            "earlier": np.minimum(people.prior, 3).astype(str),
        }
    )  # fmt: skip
    parts = []
    for group in range(6):
        of_age = [np.floor(people.birth + 3 * k * YEAR) for k in (group, group + 1)]
        begin = np.maximum(rows["begin"], of_age[0])
        end = np.minimum(rows["end"], of_age[1]) if group < 5 else rows["end"]
        part = rows.assign(age_group=str(group), entered=begin - START, left=end - START)
        parts.append(part.assign(came=rows["came"] & (end == rows["end"]))[begin < end])
    pieces = pd.concat(parts, ignore_index=True)
    went = pd.Series("referral", index=pieces.index).where(pieces["came"], None)
    return pieces.assign(state="closed", to_state=went)


def test_a_snapshot_of_the_process_tells_the_same(tmp_path: Path) -> None:
    """Through log, projection, cohort and flow table: from decision to start, and how long it runs."""
    chain = replace(P.intervening, never_started=0.0, second=0.0, same_day=1.0, before=0.0)
    still = replace(P.investigating, immediate_protection=0.0)
    plan = plan_of(replace(P, intervening=chain, investigating=still), places=2)
    study = tracker.study.open(process_snapshot(tmp_path / "s", histories_of(plan, 7_000, seed=6), plan))

    def flow(state: str) -> tracker.study.Flow:
        entry = f"name: x\nentry: {{event: state_entered, state: {state}, which: first}}\n"
        return study.cohort(parse_cohort(f"{entry}eligibility: {{age: [0..12]}}")).flow_table("state")

    days = [0, 5, 20, 60]
    started = flow("granted").cumulative_incidence("granted", "intervention", robust=True)
    wait = waiting_law(chain, 61)
    known = [wait[: day + 1].sum() for day in days]
    agree(started.at(days), known, "started")
    running = flow("intervention").kaplan_meier("intervention", robust=True)
    agree(running.at([50, 173, 400]), np.exp(-np.array([50, 173, 400]) / chain.mean_days), "running")
    median = running.median().frame.iloc[0]
    assert median["lower"] <= np.ceil(chain.mean_days * np.log(2)) <= median["upper"]

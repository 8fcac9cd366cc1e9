"""The simulated process gives the published figures, keeps the order of things, and has its intensities."""

from dataclasses import replace

import numpy as np
import pytest

from tracker.domain.periods import age_on, birthday, investigation_due
from tracker.synth.arrivals import Idle, next_referral
from tracker.synth.calibration import Figure, calibration
from tracker.synth.episodes import A1, C1
from tracker.synth.parameters import Parameters, ReferralIntensity
from tracker.synth.plan import Plan
from tracker.synth.population import (
    NEVER,
    REFORM,
    Children,
    age,
    children,
    day_number,
    months_later,
    municipalities,
)
from tracker.synth.population import birthday as birthdays
from tracker.synth.process import Histories, simulate

PLAN = Plan.demo()


@pytest.fixture(scope="module")
def histories() -> Histories:
    rng = np.random.default_rng(20250701)
    return simulate(children(PLAN, municipalities(13), 60_000, rng), PLAN, rng)


@pytest.fixture(scope="module")
def figures(histories: Histories) -> dict[str, Figure]:
    return {figure.name: figure for figure in calibration(histories, PLAN)}


@pytest.mark.parametrize(
    "name",
    [
        "referrals opened or attached",
        "investigations with an assessed need",
        "investigations with a granted intervention",
        "opened: unaccompanied",
        "opened: physical or psychological violence",
        "opened: caregiver's substance use",
        "opened: economic vulnerability",
        "referrals at 15–17 for each at 0–2",
        "investigations of children investigated before",
        "investigations begun by an application",
        "assessed within 14 days",
        "investigated within four months",
    ],
)
def test_published_figure_is_met(figures: dict[str, Figure], name: str) -> None:
    figure = figures[name]
    assert figure.met, f"{name}: {figure.value:.3f}, published {figure.target}"


def test_figures_that_are_off_are_said_to_be() -> None:
    assert not Figure("x", "y", target=0.5, within=0.03, value=0.54).met


def test_few_children_are_behind_a_tenth_of_the_referrals(histories: Histories) -> None:
    by_child = histories.referrals.child.value_counts()
    share = (by_child.cumsum() / by_child.sum() < 0.1).mean()
    assert 0.005 < share < 0.04


def test_girls_of_12_to_14_are_investigated_more_often_than_boys(histories: Histories) -> None:
    r = histories.referrals
    child = r.child.to_numpy()
    years = age(histories.people.birth[child], r.received.to_numpy())
    boys = histories.people.boy[child]
    opened = r.action.isin((A1, C1)).to_numpy()
    at = (years >= 12) & (years < 15)
    assert opened[at & ~boys].mean() > opened[at & boys].mean() + 0.05


def test_things_happen_in_order(histories: Histories) -> None:
    r, i, d = histories.referrals, histories.investigations, histories.interventions
    assert (r.concluded >= r.received).all()
    assert (i.closed >= i.opened).all()
    assert (d.started >= d.decided).all()
    assert (d.ended >= d.started).all()
    opened = i.set_index("investigation")
    linked = r[r.investigation >= 0]
    its = opened.loc[linked.investigation]
    assert (linked.child.to_numpy() == its.child.to_numpy()).all()
    assert (linked.municipality.to_numpy() == its.municipality.to_numpy()).all()
    first = linked[linked.action == A1]
    assert (first.concluded.to_numpy() == opened.loc[first.investigation].opened.to_numpy()).all()
    attached = linked[linked.action == C1]
    its = opened.loc[attached.investigation]
    assert (attached.received.to_numpy() <= its.closed.to_numpy()).all()
    assert (attached.concluded.to_numpy() >= its.opened.to_numpy()).all()


def test_every_investigation_is_opened_by_exactly_one_referral(histories: Histories) -> None:
    opened_by = histories.referrals[histories.referrals.action == A1].investigation
    assert sorted(opened_by) == sorted(histories.investigations.investigation)


def test_adults_leave_by_the_rule_of_each_stage(histories: Histories) -> None:
    p = histories.people
    adult, older = birthdays(p.birth, 18), birthdays(p.birth, 21)
    r, i, d = histories.referrals, histories.investigations, histories.interventions
    assert (r.received.to_numpy() < adult[r.child]).all()
    assert (i.closed.to_numpy() <= np.maximum(adult[i.child], i.opened.to_numpy())).all()
    running = d[d.ended < NEVER]
    assert (running.ended.to_numpy() <= older[running.child]).all()
    assert (running.ended.to_numpy() > adult[running.child]).any()
    home = running[running.law == 1]
    assert (home.ended.to_numpy() <= adult[home.child]).all()


def test_nothing_goes_on_after_a_death(histories: Histories) -> None:
    dies = histories.people.dies_on
    for table, column in ((histories.referrals, "received"), (histories.investigations, "closed")):
        assert (table[column].to_numpy() <= dies[table.child]).all()
    assert (dies[histories.referrals.child] < NEVER).any()


def test_ties_moves_and_unborn_children_occur(histories: Histories) -> None:
    r = histories.referrals
    assert 0.02 < r.duplicated(["child", "received"]).mean() < 0.1
    assert 0.15 < (r.concluded == r.received).mean() < 0.35
    assert (r.groupby("child").municipality.nunique() > 1).sum() > 100
    assert (r.received.to_numpy() < histories.people.birth[r.child]).sum() > 20


def _people(count: int, *, born: str) -> Children:
    nobody = np.zeros(count, bool)
    none = np.zeros(count, np.int32)
    never = np.full(count, NEVER, np.int32)
    birth = np.full(count, day_number(born), np.int32)
    return Children(birth, nobody, none, never, none, never, nobody, none)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2024-01-01", "2024-12-31", 0.08),
        ("2025-07-01", "2026-06-30", 0.08 * 1.25),
    ],
)
def test_the_declared_intensity_is_the_simulated_one(since: str, until: str, expected: float) -> None:
    """Share with a first event within a year of a constant rate λ is 1 − exp(−λ)."""
    n = 100_000
    people = _people(n, born="2014-01-01")
    rate = ReferralIntensity(base=(0.08,) * 6, sex=(1.0, 1.0), reform=1.25)
    start, stop = day_number(since), day_number(until)
    idle = Idle(
        child=np.arange(n),
        since=np.full(n, start, np.int32),
        earlier=np.zeros(n, np.int32),
        ended=np.full(n, -NEVER, np.int32),
        until=np.full(n, stop, np.int32),
    )
    came = next_referral(idle, people, rate, np.random.default_rng(1)) < NEVER
    wanted = 1 - np.exp(-expected * (stop - start) / 365.25)
    standard_error = np.sqrt(wanted * (1 - wanted) / n)
    assert abs(came.mean() - wanted) < 4 * standard_error


def test_earlier_episodes_and_a_recent_one_raise_the_intensity() -> None:
    n = 50_000
    people = _people(n, born="2014-01-01")
    rate = ReferralIntensity(
        base=(0.05,) * 6, sex=(1.0, 1.0), earlier=(1.0, 3.0), recent=2.0, recent_days=100_000
    )
    day = np.full(n, day_number("2024-01-01"), np.int32)
    last = np.full(n, day_number("2024-12-31"), np.int32)

    def share(earlier: int, ended: int) -> float:
        idle = Idle(np.arange(n), day, np.full(n, earlier), np.full(n, ended, np.int32), last)
        return float((next_referral(idle, people, rate, np.random.default_rng(2)) < NEVER).mean())

    assert share(1, -int(NEVER)) == pytest.approx(1 - np.exp(-0.15), abs=0.01)
    assert share(1, int(day[0])) == pytest.approx(1 - np.exp(-0.30), abs=0.01)


def test_one_seed_is_one_history() -> None:
    def run(seed: int) -> Histories:
        rng = np.random.default_rng(seed)
        return simulate(children(Plan.tiny(), municipalities(3), 2_000, rng), Plan.tiny(), rng)

    assert run(3).referrals.equals(run(3).referrals)
    assert run(3).interventions.equals(run(3).interventions)
    assert not run(3).referrals.equals(run(4).referrals)


def test_parameters_can_be_declared_otherwise() -> None:
    quiet = replace(Parameters(), referral=ReferralIntensity(twin=0.0, unborn=0.0, during_investigation=0.0))
    plan = replace(Plan.tiny(), parameters=quiet)
    rng = np.random.default_rng(1)
    r = simulate(children(plan, municipalities(3), 5_000, rng), plan, rng).referrals
    assert not r.action.isin((C1,)).any()
    assert (r.action == A1).any()


def test_calendar_rules_are_those_of_the_domain() -> None:
    rng = np.random.default_rng(9)
    births = rng.integers(day_number("2003-01-01"), day_number("2024-12-31"), 3_000).astype(np.int32)
    births[:3] = [day_number(d) for d in ("2008-02-29", "2012-02-29", "2004-12-31")]
    days = births + rng.integers(-200, 8_000, len(births)).astype(np.int32)
    as_dates = births.astype("datetime64[D]").astype(object), days.astype("datetime64[D]").astype(object)
    assert age(births, days).tolist() == [age_on(b, d) for b, d in zip(*as_dates, strict=True)]
    assert months_later(days, 4).astype("datetime64[D]").tolist() == [
        investigation_due(d) for d in as_dates[1]
    ]
    assert birthdays(births, 18).astype("datetime64[D]").tolist() == [birthday(b, 18) for b in as_dates[0]]
    assert day_number("2025-07-01") == REFORM

"""The simulated histories: rounds of idle time and episodes until the window is over.

A round draws each idle child's next referral, plays the whole episode that follows (referrals that
are attached, investigations, interventions, referrals and second investigations during these), and
sends the child back to idle on the day the last open thing closes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracker.synth.arrivals import Idle, next_referral, office_day
from tracker.synth.episodes import A1, B1, C4, NO_LINK, Episodes, Table
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, REFORM, YEAR, Children, day_number

PILOT = 30_000


@dataclass(frozen=True)
class Histories:
    """What truly happened, one row a fact; days are day numbers, ``NEVER`` where it did not happen."""

    people: Children
    referrals: Table
    investigations: Table
    interventions: Table
    follow_ups: Table
    supports: Table


@dataclass(frozen=True)
class _Round:
    referrals: Table
    investigations: Table
    interventions: Table
    ended: np.ndarray  # by position of the idle child


def simulate(people: Children, plan: Plan, rng: np.random.Generator) -> Histories:
    """Play every child's history from the start of the burn-in to the last referral's end."""
    chain = Episodes(people, plan.parameters, rng)
    start = day_number(plan.window.first) - plan.burn_in_days
    stop = day_number(plan.window.last) + 1
    rounds: list[_Round] = []
    idle = _everyone(people, chain, start, stop)
    investigated = people.prior > 0
    while len(idle.child):
        due = next_referral(idle, people, plan.parameters.referral, rng)
        came = due < NEVER
        child, day = idle.child[came], office_day(due[came], rng)
        day = np.minimum(day, np.minimum(chain.adult[child] - 1, stop - 1)).astype(np.int32)
        number = sum(len(r.investigations) for r in rounds)
        done = _episode(chain, chain.referrals(child, day), investigated, (stop, number))
        rounds.append(done)
        idle = _idle_again(idle, came, done, chain, stop)
    rounds.append(_unborn(chain, plan, start, stop))
    return _assemble(people, rounds, chain)


def _everyone(people: Children, chain: Episodes, start: int, stop: int) -> Idle:
    child = np.arange(len(people))
    until = np.minimum(np.minimum(chain.adult, people.dies_on), stop)
    since = np.maximum(people.birth, start)
    keep = since < until
    never = np.full(len(people), -NEVER, np.int32)
    return Idle(child[keep], since[keep], people.prior[keep], never[keep], until[keep].astype(np.int32))


def _idle_again(idle: Idle, came: np.ndarray, done: _Round, chain: Episodes, stop: int) -> Idle:
    child, until = idle.child[came], idle.until[came]
    keep = done.ended < until
    earlier = idle.earlier[came] + 1
    return Idle(child[keep], done.ended[keep], earlier[keep], done.ended[keep], until[keep])


def _episode(chain: Episodes, arrived: Table, investigated: np.ndarray, limits: tuple[int, int]) -> _Round:
    """One episode of each child in ``arrived`` (one referral each).

    ``investigated`` (by child) is brought up to date; ``limits`` are the day referrals stop and the
    number of the first investigation.
    """
    stop, number = limits
    child, day = arrived.child.to_numpy(), arrived.received.to_numpy()
    first = chain.assess(arrived)
    first, inquiries, decisions, attached = _inquire(chain, first, investigated, (stop, number))
    in_care = _referrals_in_care(chain, decisions, stop)
    later = (stop, number + len(inquiries))
    in_care, more, further, attached_too = _inquire(chain, in_care, investigated, later)
    referrals = _stack(first, chain.twins(first), attached, in_care, attached_too)
    referrals = referrals[referrals.received < stop]
    investigations, interventions = _stack(inquiries, more), _stack(decisions, further)
    ended = _last_day(chain, referrals, investigations, interventions)[child]
    return _Round(referrals, investigations, interventions, np.maximum(ended, day).astype(np.int32))


def _stack(*tables: Table) -> Table:
    return pd.concat([table for table in tables if len(table)] or [tables[0]], ignore_index=True)


def _inquire(
    chain: Episodes, referrals: Table, investigated: np.ndarray, limits: tuple[int, int]
) -> tuple[Table, Table, Table, Table]:
    """Investigations of the referrals that opened one, their decisions, and referrals attached."""
    stop, number = limits
    opens = (referrals.action == A1).to_numpy()
    numbers = number + np.arange(opens.sum())
    referrals.loc[opens, "investigation"] = numbers
    opened = referrals[opens]
    inquiries = chain.investigate(opened, numbers, investigated[opened.child.to_numpy()])
    investigated[opened.child.to_numpy()] = True
    decisions = chain.decide(inquiries)
    frequent = chain.people.frequent[inquiries.child.to_numpy()]
    begin, end = inquiries.opened.to_numpy(), inquiries.closed.to_numpy()
    which, day = chain.during(begin, end, chain.p.referral.during_investigation, frequent)
    keep = (day < stop) & (day < chain.adult[inquiries.child.to_numpy()[which]])
    which, day = which[keep], day[keep]
    attached = chain.referrals(inquiries.child.to_numpy()[which], day)
    attached["municipality"] = inquiries.municipality.to_numpy()[which]
    return referrals, inquiries, decisions, chain.attach(attached, numbers[which], end[which])


def _referrals_in_care(chain: Episodes, decisions: Table, stop: int) -> Table:
    running = decisions[decisions.started < NEVER]
    child = running.child.to_numpy()
    end = np.minimum(running.ended.to_numpy(), chain.adult[child] - 1)
    which, day = chain.during(
        running.started.to_numpy(), end, chain.p.referral.during_intervention, chain.people.frequent[child]
    )
    keep = day < stop
    return chain.assess_in_care(chain.referrals(child[which[keep]], day[keep]))


def _last_day(chain: Episodes, referrals: Table, investigations: Table, interventions: Table) -> np.ndarray:
    """By child: the day the last thing of the episode closed (an unstarted decision does not wait)."""
    last = np.full(len(chain.people), -NEVER, np.int32)
    for table, column in ((referrals, "concluded"), (investigations, "closed"), (interventions, "ended")):
        day = table[column].to_numpy()
        np.maximum.at(last, table.child.to_numpy(), np.where(day < NEVER, day, -NEVER).astype(np.int32))
    return last


def _unborn(chain: Episodes, plan: Plan, start: int, stop: int) -> _Round:
    """Referrals before birth: they open nothing before the child is born."""
    people, rng = chain.people, chain.rng
    day = people.birth - rng.integers(5, 130, len(people))
    some = (rng.random(len(people)) < plan.parameters.referral.unborn) & (day >= start) & (day < stop)
    some &= people.birth < stop
    child = np.flatnonzero(some)
    referrals = chain.assess(chain.referrals(child, office_day(day[some].astype(np.int32), rng)))
    empty = np.empty(0, np.int32)
    nobody = referrals[:0].assign(concluded=empty, action=empty.astype(np.int8))
    inquiries = chain.investigate(nobody, empty, empty.astype(bool))
    return _Round(referrals, inquiries, chain.decide(inquiries), empty)


def _assemble(people: Children, rounds: list[_Round], chain: Episodes) -> Histories:
    referrals = _stack(*(r.referrals for r in rounds))
    order = np.lexsort((referrals.child, referrals.received))
    referrals = referrals.iloc[order].reset_index(drop=True)
    investigations = _stack(*(r.investigations for r in rounds))
    interventions = _stack(*(r.interventions for r in rounds)).sort_values(
        ["decided", "child"], ignore_index=True
    )
    return Histories(
        people, referrals, investigations, interventions,
        _follow_ups(interventions, chain), _supports(referrals, chain),
    )  # fmt: skip


def _follow_ups(interventions: Table, chain: Episodes) -> Table:
    """About every five months while an intervention runs, and mostly once at its end."""
    rng = chain.rng
    begin, end = interventions.started.to_numpy(), interventions.ended.to_numpy()
    running = np.flatnonzero(begin < NEVER)
    length = (end - begin)[running]
    count = (length / chain.p.intervening.follow_up_every + rng.random(len(running))).astype(int)
    which = np.repeat(running, count)
    place = np.arange(len(which)) - np.repeat(count.cumsum() - count, count) + 1
    held = begin[which] + (length.repeat(count) * place / count.repeat(count)).astype(np.int32)
    last = place == count.repeat(count)
    table = pd.DataFrame(
        {"intervention": which, "child": interventions.child.to_numpy()[which], "held": held}
    )
    table["municipality"] = interventions.municipality.to_numpy()[which]
    n = len(table)
    table["goal"] = rng.choice(4, n, p=(0.32, 0.4, 0.18, 0.1)).astype(np.int8)
    table["situation"] = rng.choice(4, n, p=(0.47, 0.36, 0.09, 0.08)).astype(np.int8)
    table["result"] = np.where(last, 2, rng.choice(2, n, p=(0.78, 0.22))).astype(np.int8)
    return table


def _supports(referrals: Table, chain: Episodes) -> Table:
    """Support without a needs decision after a referral elsewhere, or after nothing was opened."""
    life = chain.p.life
    rng, n = chain.rng, len(referrals)
    reform = (referrals.received >= REFORM).to_numpy()
    after_b1 = np.where(reform, life.support_b1[1], life.support_b1[0])
    share = np.where(referrals.action == C4, life.support_c4, np.where(referrals.action == B1, after_b1, 0.0))
    some = referrals[(rng.random(n) < share) & (referrals.concluded < NEVER).to_numpy()]
    n = len(some)
    started = some.concluded.to_numpy() + rng.integers(0, 25, n)
    ended = started + np.floor(rng.exponential(life.support_mean_days, n)).astype(np.int32)
    return pd.DataFrame({
        "child": some.child.to_numpy(), "municipality": some.municipality.to_numpy(),
        "started": started.astype(np.int32), "ended": ended.astype(np.int32),
        "kind": rng.integers(0, 8, n).astype(np.int8), "provider": among_providers(n, rng),
        "living": rng.choice(6, n, p=(0.45, 0.2, 0.17, 0.06, 0.07, 0.05)).astype(np.int8),
        "caregiver": rng.choice(3, n, p=(0.3, 0.1, 0.6)).astype(np.int8),
        "interpreter": rng.random(n) < 0.12,
        "result": rng.choice(3, n, p=(0.1, 0.25, 0.65)).astype(np.int8),
    })  # fmt: skip


def among_providers(count: int, rng: np.random.Generator) -> np.ndarray:
    """Index into the providers: mostly the municipality itself."""
    return rng.choice(5, count, p=(0.78, 0.04, 0.06, 0.08, 0.04)).astype(np.int8)


def children_needed(plan: Plan, per_child: float) -> int:
    """How many children give the plan's expected number of referrals at ``per_child`` each."""
    return max(20, round(plan.referrals / per_child))


def in_window(histories: Histories, plan: Plan) -> int:
    """Referrals received inside the plan's window."""
    received = histories.referrals.received
    return int(received.between(day_number(plan.window.first), day_number(plan.window.last)).sum())


__all__ = ["NO_LINK", "PILOT", "YEAR", "Histories", "children_needed", "in_window", "simulate"]

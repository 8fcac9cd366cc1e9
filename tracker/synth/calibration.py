"""The figures the process is calibrated to, each with its source, and what a simulation gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.synth.episodes import A1, B1, C1, Table
from tracker.synth.parameters import REASONS
from tracker.synth.plan import Plan
from tracker.synth.population import age, day_number, months_later
from tracker.synth.process import Histories


@dataclass(frozen=True)
class Figure:
    """A published figure and its simulated value; ``within`` is the distance that is good enough."""

    name: str
    source: str
    target: float
    within: float
    value: float

    @property
    def met(self) -> bool:
        """Whether the simulation is close enough."""
        return abs(self.value - self.target) <= self.within


def calibration(histories: Histories, plan: Plan) -> tuple[Figure, ...]:
    """Targets and values over the referrals and investigations inside the plan's days."""
    r = histories.referrals
    r = r[r.received.between(day_number(plan.window.first), day_number(plan.window.last))]
    i = histories.investigations
    i = i[i.opened.between(day_number(plan.window.first), day_number(plan.follow_to))]
    return (*_sorting(r, i), *_by_reason(r), *_who(histories, r, i), *_clocks(r, i))


def _sorting(r: Table, i: Table) -> list[Figure]:
    opened = r.action.isin((A1, C1)).mean()
    return [
        Figure("referrals opened or attached", "NUSO PM 4", 0.50, 0.03, opened),
        Figure("investigations with an assessed need", "NUSO PM 4", 0.50, 0.03, (i.need > 0).mean()),
        Figure(
            "investigations with a granted intervention", "NUSO PM 4", 0.33, 0.03, (i.decision == 0).mean()
        ),
    ]


def _by_reason(r: Table) -> list[Figure]:
    opened = r.action.isin((A1, C1)).groupby(r.reason1).mean()
    counts = r.reason1.value_counts()
    violence = [REASONS.index("V_FYS"), REASONS.index("V_PSYK")]
    either = float(np.average(opened[violence], weights=counts[violence]))
    alone, drugs, money = (opened[REASONS.index(r)] for r in ("B_ENSAM", "O_SKADBRUK", "F_EKONOMI"))
    return [
        Figure("opened: unaccompanied", "NUSO PM 4", 0.81, 0.05, alone),
        Figure("opened: physical or psychological violence", "NUSO PM 4", 0.72, 0.03, either),
        Figure("opened: caregiver's substance use", "NUSO PM 4", 0.35, 0.04, drugs),
        Figure("opened: economic vulnerability", "NUSO PM 4", 0.24, 0.04, money),
    ]


def _who(histories: Histories, r: Table, i: Table) -> list[Figure]:
    years = age(histories.people.birth[r.child.to_numpy()], r.received.to_numpy())
    ratio = float((years >= 15).sum() / ((years >= 0) & (years <= 2)).sum())
    known = i.known_before.mean()
    return [
        Figure("referrals at 15–17 for each at 0–2", "NUSO PM 4", 4.0, 0.5, ratio),
        Figure("investigations of children investigated before", "NUSO PM 3", 0.50, 0.06, known),
        Figure("investigations begun by an application", "NUSO PM 3", 0.12, 0.02, (i.type == 1).mean()),
    ]


def _clocks(r: Table, i: Table) -> list[Figure]:
    decided = r[r.action.isin((A1, B1))]
    on_time = (decided.concluded - decided.received <= 14).mean()
    in_time = float((i.closed.to_numpy() <= months_later(i.opened.to_numpy(), 4)).mean())
    return [
        Figure("assessed within 14 days", "ours", 0.90, 0.03, on_time),
        Figure("investigated within four months", "ours", 0.84, 0.04, in_time),
    ]

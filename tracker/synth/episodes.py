"""One episode of the sorting chain: from a referral with nothing open until all is closed.

Each function takes arrays with one entry a referral (or investigation, intervention) and returns the
next stage. Everything is cut at ``exit``: the 18th birthday for referrals and investigations, the end
by age and law for interventions, and a move or death for all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tracker.synth.arrivals import office_day
from tracker.synth.parameters import ACTIONS, REASONS, Parameters, Weights
from tracker.synth.population import NEVER, REFORM, YEAR, Children, Days, birthday, months_later

Table = pd.DataFrame
NO_LINK = -1
IMMEDIATE = np.array([reason in ("B_ENSAM", "V_FYS", "V_SEX", "V_UPPLEVT") for reason in REASONS])
A1, B1, C1, C2, C3, C4, C5 = range(len(ACTIONS))


def pick(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column index a row, with probability proportional to the row's weights."""
    total = weights.cumsum(axis=1)
    return np.asarray((total < rng.random(len(weights))[:, None] * total[:, -1:]).sum(axis=1))


def among(choices: Sequence[int], weights: Weights, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` independent draws of ``choices``."""
    return rng.choice(np.asarray(choices), count, p=np.asarray(weights) / sum(weights))


class Episodes:
    """The stages of the chain for one population and one stream of random numbers."""

    def __init__(self, people: Children, parameters: Parameters, rng: np.random.Generator) -> None:
        self.people, self.p, self.rng = people, parameters, rng
        self.adult = birthday(people.birth, 18)
        self.twenty_one = birthday(people.birth, 21)

    def leaves(self, child: np.ndarray, day: Days) -> Days:
        """The day a child moves or dies after ``day``."""
        moves = self.people.moves_on[child]
        return np.asarray(np.minimum(np.where(moves > day, moves, NEVER), self.people.dies_on[child]))

    def home(self, child: np.ndarray, day: Days) -> np.ndarray:
        """The municipality a child lives in on ``day``."""
        there = self.people.moves_on[child] <= day
        return np.asarray(np.where(there, self.people.moves_to[child], self.people.home[child]))

    def referrals(self, child: np.ndarray, received: Days) -> Table:
        """Referrals with type, reasons and referrer; not yet concluded."""
        table = pd.DataFrame({"child": child, "received": received})
        table["municipality"] = self.home(child, received)
        table["exit"] = np.minimum(self.leaves(child, received), self.adult[child])
        table = pd.concat([table, self._reasons(child, received)], axis=1)
        share = self.p.sorting
        kinds = (1 - share.application_share - share.information_share, share.application_share)
        table["type"] = among((0, 1, 2), (*kinds, share.information_share), len(table), self.rng)
        table["referrer"] = self._referrers(table)
        return table

    def _reasons(self, child: np.ndarray, day: Days) -> Table:
        tables, rng = self.p.reasons, self.rng
        group = np.clip((day - self.people.birth[child]) / YEAR / 3, 0, 5.99).astype(int)
        weights = np.asarray(tables.weights)[group]
        weights = weights * np.where(self.people.boy[child][:, None], np.asarray(tables.boys), 1.0)
        columns = [pick(weights, rng)]
        for again in tables.more:
            for used in columns:
                np.put_along_axis(weights, np.maximum(used, 0)[:, None], 0.0, axis=1)
            present = (columns[-1] >= 0) & (rng.random(len(child)) < again)
            columns.append(np.where(present, pick(weights, rng), NO_LINK))
        return pd.DataFrame({f"reason{k + 1}": c.astype(np.int8) for k, c in enumerate(columns)})

    def _referrers(self, referrals: Table) -> np.ndarray:
        n, rng = len(referrals), self.rng
        report = among(range(10), (30, 17, 17, 5, 1, 5, 11, 5, 5, 4), n, rng)
        ages = referrals.received.to_numpy() - self.people.birth[referrals.child.to_numpy()]
        report = np.where((report == 0) & (ages < 6 * YEAR), 9, report)
        application = among((3, 4), (0.85, 0.15), n, rng)
        kind = referrals.type.to_numpy()
        return np.where(kind == 1, application, np.where(kind == 2, 6, report)).astype(np.int8)

    def assess(self, referrals: Table) -> Table:
        """Conclude referrals received while nothing was open: day and action."""
        p, rng, n = self.p.sorting, self.rng, len(referrals)
        opened = rng.random(n) < self._opening(referrals)
        closed_door = np.where(
            referrals.received.to_numpy() >= REFORM,
            among(range(4), p.not_opened[1], n, rng),
            among(range(4), p.not_opened[0], n, rng),
        )
        action = np.where(opened, A1, np.array([B1, C2, C4, C5])[closed_door])
        concluded = office_day(referrals.received.to_numpy() + self._waiting(referrals), rng)
        return self._conclude(referrals, action, concluded)

    def _opening(self, referrals: Table) -> np.ndarray:
        s = self.p.sorting
        opening = np.asarray(self.p.reasons.opening)[referrals.reason1.to_numpy()]
        child = referrals.child.to_numpy()
        years = (referrals.received.to_numpy() - self.people.birth[child]) / YEAR
        factor = np.where(self.people.boy[child], s.boys_12_14, s.girls_12_14)
        opening = np.where((years >= 12) & (years < 15), opening * factor, opening)
        opening = np.where(referrals.type == 1, s.application_opening, opening)
        return np.where(years < 0, 0.0, opening)

    def _waiting(self, referrals: Table) -> np.ndarray:
        a, rng, n = self.p.assessment, self.rng, len(referrals)
        same = np.where(IMMEDIATE[referrals.reason1.to_numpy()], a.immediate, a.same_day)
        u = rng.random(n)
        early = 1 + np.minimum(rng.exponential(a.early_mean, n), 12).astype(int)
        late = 15 + rng.exponential(a.late_days, n).astype(int)
        rest = np.where(u < same + (1 - same) * a.on_day_14, 14, early)
        rest = np.where(u > 1 - a.late, late, rest)
        return np.where(u < same, 0, rest).astype(np.int32)

    def _conclude(self, referrals: Table, action: np.ndarray, concluded: Days) -> Table:
        late = concluded >= referrals.exit.to_numpy()
        concluded = np.minimum(concluded, referrals.exit.to_numpy())
        undecided = self.rng.random(len(referrals)) < self.p.sorting.undecided
        undecided &= action != A1
        return referrals.assign(
            action=np.where(undecided, NO_LINK, np.where(late, C5, action)).astype(np.int8),
            concluded=np.where(undecided, NEVER, concluded).astype(np.int32),
            investigation=NO_LINK,
        )

    def attach(self, referrals: Table, investigation: np.ndarray, closes: Days) -> Table:
        """Conclude referrals received while an investigation was open."""
        p, n = self.p.sorting, len(referrals)
        action = among((C1, C2, C5), p.in_investigation, n, self.rng)
        waits = np.where(self.rng.random(n) < 0.45, 0, self.rng.geometric(0.25, n))
        concluded = np.minimum(office_day(referrals.received.to_numpy() + waits, self.rng), closes)
        concluded = np.maximum(concluded, referrals.received.to_numpy())
        done = self._conclude(referrals, action, concluded)
        return done.assign(investigation=np.where(done.action == C1, investigation, NO_LINK))

    def assess_in_care(self, referrals: Table) -> Table:
        """Conclude referrals received while an intervention ran."""
        action = among((A1, C3, C2, B1), self.p.sorting.in_intervention, len(referrals), self.rng)
        concluded = office_day(referrals.received.to_numpy() + self._waiting(referrals), self.rng)
        return self._conclude(referrals, action, concluded)

    def twins(self, referrals: Table) -> Table:
        """A second referral on the same or the next days, concluded together with the first."""
        chosen = referrals[self.rng.random(len(referrals)) < self.p.referral.twin]
        received = chosen.received.to_numpy() + among(
            (0, 1, 2, 3), (0.6, 0.2, 0.1, 0.1), len(chosen), self.rng
        )
        concluded = chosen.concluded.to_numpy()
        keep = (received < chosen.exit.to_numpy()) & (concluded < NEVER) & (received <= concluded)
        second = self.referrals(chosen.child.to_numpy()[keep], received[keep].astype(np.int32))
        first = chosen[keep]
        opened = (first.action == A1).to_numpy()
        return second.assign(
            action=np.where(opened, C1, np.where(first.action == C5, C5, B1)).astype(np.int8),
            concluded=first.concluded.to_numpy(),
            investigation=np.where(opened, first.investigation, NO_LINK),
        )

    def investigate(self, opened: Table, numbers: np.ndarray, known: np.ndarray) -> Table:
        """Investigations opened by the referrals ``opened`` (action A1), with their end and need."""
        child, day = opened.child.to_numpy(), opened.concluded.to_numpy()
        last = np.minimum(self.leaves(child, day), self.adult[child])
        natural = self._closing(day)
        closed = np.maximum(np.minimum(natural, last), day)
        table = pd.DataFrame({
            "investigation": numbers, "child": child, "municipality": opened.municipality.to_numpy(),
            "opened": day, "closed": closed, "cut": natural > last, "known_before": known,
            "reason1": opened.reason1.to_numpy(), "reason2": opened.reason2.to_numpy(),
            "reason3": opened.reason3.to_numpy(), "type": opened.type.to_numpy(),
        })  # fmt: skip
        return self._needs(table)

    def _closing(self, opened: Days) -> Days:
        q, rng, n = self.p.investigating, self.rng, len(opened)
        due = months_later(opened, 4)
        usual = np.minimum(opened + 2 + np.exp(rng.normal(np.log(q.median_days), q.spread, n)), due)
        u = rng.random(n)
        day = np.where(u < q.short, opened + rng.exponential(9.0, n), usual)
        day = np.where((u >= q.short) & (u < q.short + q.on_limit), due - rng.integers(0, 5, n), day)
        day = np.where(u > 1 - q.late, due + 1 + rng.exponential(q.late_days, n), day)
        return office_day(np.floor(day).astype(np.int32), rng)

    def _needs(self, table: Table) -> Table:
        q, rng, n = self.p.investigating, self.rng, len(table)
        years = (table.opened.to_numpy() - self.people.birth[table.child.to_numpy()]) / YEAR
        share = np.asarray(q.need)[np.clip(years / 3, 0, 5.99).astype(int)]
        taken = (rng.random(n) < q.immediate_protection) & ~table.cut.to_numpy()
        needed = ((rng.random(n) < share) & ~table.cut.to_numpy()) | taken
        protection = (rng.random(n) < q.protection) | taken
        granted = np.where(table.opened >= REFORM, q.granted_after_reform, q.granted)
        cuts = np.stack([granted, granted + q.refused, granted + q.refused + q.withdrawn], axis=1)
        decision = (rng.random(n)[:, None] > cuts).sum(axis=1)  # 3: no decision
        return table.assign(
            need=np.where(needed, 1 + protection, 0).astype(np.int8),
            immediate=taken,
            decision=np.where(taken, 0, np.where(needed, decision, 3)).astype(np.int8),
        )

    def decide(self, investigations: Table) -> Table:
        """Decisions on interventions, with start and end of those granted."""
        some = investigations[investigations.decision < 3]
        again = some[(self.rng.random(len(some)) < self.p.intervening.second) & (some.decision == 0)]
        both = pd.concat([some, again.assign(immediate=False)], ignore_index=True)
        table = both[["investigation", "child", "municipality", "decision", "immediate"]].copy()
        table["decided"] = self._decided(both)
        years = (table.decided.to_numpy() - self.people.birth[table.child.to_numpy()]) / YEAR
        band = np.where(years < 6, 0, np.where(years < 13, 1, 2))
        kind = pick(np.asarray(self.p.intervening.weights, float)[band], self.rng)
        emergency = self.p.intervening.kinds.index("emergency_foster_home")
        table["kind"] = np.where(table.immediate, emergency, kind).astype(np.int8)
        table["law"] = self._law(table, years)
        return self._run(table)

    def _decided(self, investigations: Table) -> Days:
        p, rng, n = self.p.intervening, self.rng, len(investigations)
        opened, closed = investigations.opened.to_numpy(), investigations.closed.to_numpy()
        u = rng.random(n)
        day = np.where(u < p.same_day, closed, closed + 1 + rng.integers(0, 30, n))
        day = np.where(u > 1 - p.before, np.maximum(closed - rng.integers(1, 15, n), opened), day)
        day = np.where(investigations.immediate, opened + rng.integers(0, 2, n), day)
        last = self.leaves(investigations.child.to_numpy(), closed) - 1
        return np.asarray(np.maximum(np.minimum(day, last), opened), np.int32)

    def _law(self, table: Table, years: np.ndarray) -> np.ndarray:
        """Index into LAWS: care by law only for placements; own behaviour from 13 years."""
        p, rng, n = self.p.intervening, self.rng, len(table)
        placements = [k for k, kind in enumerate(p.kinds) if kind in p.placements]
        lvu = np.isin(table.kind, placements) & (rng.random(n) < p.lvu)
        own = (years >= 13) & (rng.random(n) < 0.5)
        law = np.where(lvu, np.where(own, 2, 1), 0)
        return np.where(table.immediate, 3, law).astype(np.int8)

    def _run(self, table: Table) -> Table:
        p, rng, n = self.p.intervening, self.rng, len(table)
        child, decided = table.child.to_numpy(), table.decided.to_numpy()
        wait = np.where(rng.random(n) < p.start_same_day, 0, 1 + rng.exponential(p.start_mean, n))
        wait = np.where(table.immediate, 0, wait)
        last = np.minimum(self.leaves(child, decided), np.where(
            np.isin(table.law, (1,)), self.adult[child], self.twenty_one[child]))  # fmt: skip
        started = decided + np.floor(wait).astype(np.int32)
        runs = (table.decision == 0) & (rng.random(n) >= p.never_started) & (started < last)
        stay = np.where(table.immediate, rng.integers(5, 60, n), 1 + rng.exponential(p.mean_days, n))
        natural = started + np.floor(stay).astype(np.int32)
        ended = np.minimum(natural, last)
        return table.assign(
            started=np.where(runs, started, NEVER).astype(np.int32),
            ended=np.where(runs, ended, NEVER).astype(np.int32),
            cut=natural > last,
        )

    def during(
        self, begin: Days, end: Days, per_year: float, frequent: np.ndarray
    ) -> tuple[np.ndarray, Days]:
        """Referrals at a constant intensity inside [begin, end]: index of the stay, and day."""
        length = np.maximum(end - begin, 0)
        rate = per_year / YEAR * np.where(frequent, 2.5, 1.0)
        which = np.repeat(np.arange(len(begin)), self.rng.poisson(length * rate))
        day = begin[which] + np.floor(self.rng.random(len(which)) * (length[which] + 1)).astype(np.int32)
        return which, np.minimum(office_day(day, self.rng), end[which]).astype(np.int32)


LAWS = ("sol", "lvu_2", "lvu_3", "lvu_6")

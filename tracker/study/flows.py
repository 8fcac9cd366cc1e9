"""A flow table on a clock, and everything estimated from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.comparison import log_rank, log_rank_trend, restricted_mean_difference
from tracker.estimate.exits import OtherExits, leaving
from tracker.estimate.gray import gray_test
from tracker.estimate.incidence import cumulative_incidence
from tracker.estimate.intervals import HazardInterval, Interval
from tracker.estimate.landmark import landmark_aalen_johansen
from tracker.estimate.markov import markov_test
from tracker.estimate.occupation import Occupation, aalen_johansen
from tracker.estimate.recurrence import gap_incidence_robust
from tracker.estimate.results import About
from tracker.estimate.risk_sets import Ints, RiskSets, Stays, flow_counts
from tracker.estimate.robust_survival import robust_kaplan_meier, robust_nelson_aalen
from tracker.estimate.sojourn import restricted_mean_sojourn
from tracker.estimate.starting import Initial, Mix
from tracker.estimate.survival import kaplan_meier, nelson_aalen
from tracker.estimate.transition_matrix import transition_matrices
from tracker.projections.flow_files import read_flow_table as read_files
from tracker.projections.flow_table import FlowTable
from tracker.study.results import CurvesResult, OccupationResult, SummaryResult, TestResult
from tracker.study.words import States, Transition, states_of, transition_of

Levels = Mapping[str, Sequence[str]]
"""The order of the levels of columns."""


def read_flow_table(folder: str | Path) -> Flow:
    """A flow table from files, such as the sum of many municipalities' (``tracker flow-table merge``).

    It holds counts and no children: what clusters on the child is refused. Raises UsageError when it is
    missing, of another format, or was changed.
    """
    return Flow(read_files(Path(folder)), _no_children)


def _no_children() -> Stays:
    raise EstimateError(
        "This flow table holds counts, not children: variances clustered on the child need the snapshot, or "
        "the second round between municipalities."
    )


@dataclass(frozen=True, repr=False)
class Flow:
    """Counts of children by stratum, state and moment on one clock, and what follows from them.

    ``table`` is the flow table, ``risk`` its risk sets and ``stays()`` the stays behind it, all as
    ``tracker.estimate`` takes them. With ``by`` every estimate is made for each stratum. ``robust=True``
    clusters the variance on the child, for which the stays are read once more.
    """

    table: FlowTable
    stays: Callable[[], Stays]
    order: Levels | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The counts: strata, ``state``, ``flow`` (entered, transition, censored), ``to_state``, ``day``,
        ``step``, ``count``."""
        return self.table.frame()

    @property
    def by(self) -> tuple[str, ...]:
        """The columns that make the strata."""
        return self.table.strata

    @property
    def about(self) -> About:
        """Whose counts these are."""
        return self.risk.about

    @property
    def states(self) -> tuple[str, ...]:
        """The states seen, those that only end among them."""
        return self.risk.states

    @property
    def transitions(self) -> tuple[str, ...]:
        """The transitions seen, written as they are asked for."""
        named = (self.risk.named(number) for number in range(len(self.risk.transitions)))
        return tuple(f"{source} -> {target}" for source, target in named)

    @cached_property
    def risk(self) -> RiskSets:
        """The risk sets, strata in the natural order of their levels."""
        about = About(**self.table.about | {"clock": self.table.clock.value, "unit": self.table.unit.value})
        risk = flow_counts(self.frame, self.by, about=about)
        rows = in_order(risk.strata, self.order or {})
        arrays = {name: getattr(risk, name)[rows] for name in ("at_risk", "moved", "entered", "censored")}
        return replace(risk, strata=risk.strata.iloc[rows].reset_index(drop=True), **arrays)

    def aalen_johansen(
        self, *, initial: Initial = Mix.SAMPLED, since: float | None = None
    ) -> OccupationResult:
        """The probability of being in each state over time, loops, competing ends and late entry included.

        ``since``: curves start at the end of that day. ``initial``: the mix of states seen at the start, one
        state everyone starts in, or probabilities by state. Not on the clock of the state.
        """
        return self._occupation(aalen_johansen(self.risk, initial=initial, since=since), self.stays)

    def landmark(self, at: float, state: str) -> OccupationResult:
        """Occupation of those in ``state`` on day ``at``, whether the chain is Markov or not."""
        fit, stays = landmark_aalen_johansen(self.stays(), at, state)
        return self._occupation(fit, lambda: stays)

    def _occupation(self, fit: Occupation, stays: Callable[[], Stays]) -> OccupationResult:
        return OccupationResult(fit.curves(), fit=fit, stays=stays)

    def transition_probabilities(self, times: Sequence[float], *, since: float = 0.0) -> SummaryResult:
        """P(since, t): from every state to every state, between two days."""
        return SummaryResult(transition_matrices(self.risk, times, since=since).summary())

    def kaplan_meier(
        self,
        state: str,
        to: States | None = None,
        *,
        others: OtherExits = "refused",
        robust: bool = False,
        interval: Interval = "log",
    ) -> CurvesResult:
        """Still being in ``state``: the share that has not left it, for ``to`` or for anything.

        Exits to other states than ``to`` are refused unless ``others="censored"``: the curve is then that of
        a world without them; ``cumulative_incidence`` is what happens in this one.
        """
        exits = leaving(self.risk, state, states_of(to), others)
        if not robust:
            return CurvesResult(kaplan_meier(exits, interval=interval), exits)
        curves = robust_kaplan_meier(self.stays(), state, states_of(to), others, interval=interval)
        return CurvesResult(curves, exits)

    def nelson_aalen(
        self,
        state: str,
        to: States | None = None,
        *,
        others: OtherExits = "censored",
        robust: bool = False,
        interval: HazardInterval = "log",
    ) -> CurvesResult:
        """The cumulative hazard of leaving ``state`` for ``to``, or for anything."""
        if robust:
            stays, wanted = self.stays(), states_of(to)
            return CurvesResult(robust_nelson_aalen(stays, state, wanted, others, interval=interval))
        return CurvesResult(nelson_aalen(leaving(self.risk, state, states_of(to), others), interval=interval))

    def cumulative_incidence(
        self, state: str, to: States | None = None, *, robust: bool = False
    ) -> CurvesResult:
        """Having left ``state`` for each of ``to`` (left out: every way out), the ways out competing.

        On the clock ``state``, of ``closed``: who has come back, by days since everything was closed.
        ``robust`` (on that clock) allows for a child that closes several times.
        """
        curves = (
            gap_incidence_robust(self.stays(), state)
            if robust
            else cumulative_incidence(self.risk, state, interval="log-log")
        )
        found = CurvesResult(replace(curves, quantity=f"incidence of leaving {state}"))
        return found.select(cause=list(states_of(to) or ())) if to else found

    def restricted_mean(self, state: str, horizons: Sequence[float]) -> SummaryResult:
        """The mean stay in ``state`` up to each horizon."""
        return SummaryResult(restricted_mean_sojourn(self.risk, state, horizons))

    def restricted_mean_difference(
        self, state: str, horizon: float, reference: Mapping[str, object] | None = None
    ) -> SummaryResult:
        """How much longer one stratum stays in ``state`` than another, up to a horizon."""
        return SummaryResult(restricted_mean_difference(leaving(self.risk, state), horizon, reference))

    def log_rank(
        self, state: str, to: States | None = None, *, groups: Sequence[str] = (), rho: float = 0.0
    ) -> TestResult:
        """Do the groups leave ``state`` at the same rate? ``groups``: of ``by`` (left out: all of it); the
        other columns of ``by`` are strata of the test."""
        exits = leaving(self.risk, state, states_of(to), "censored")
        wanted = tuple(groups) or self.by
        return TestResult(log_rank(exits, wanted, self._besides(wanted), rho=rho))

    def log_rank_trend(
        self, state: str, group: str, scores: Mapping[object, float], to: States | None = None
    ) -> TestResult:
        """Do rates of leaving ``state`` rise or fall with the score of the group?"""
        exits = leaving(self.risk, state, states_of(to), "censored")
        return TestResult(log_rank_trend(exits, group, scores, self._besides((group,))))

    def gray_test(self, state: str, to: States, *, groups: Sequence[str] = ()) -> TestResult:
        """Do the groups have the same cumulative incidence of leaving ``state`` for ``to``?"""
        wanted = tuple(groups) or self.by
        return TestResult(gray_test(self.risk, state, states_of(to) or (), wanted, self._besides(wanted)))

    def markov_test(
        self, transition: Transition, landmarks: Sequence[float], *, seed: int = 1, replicates: int = 10_000
    ) -> TestResult:
        """Does the way here matter? Whether a transition depends on where children were at ``landmarks``."""
        random, named = np.random.default_rng(seed), transition_of(transition)
        return TestResult(markov_test(self.stays(), named, landmarks, random, replicates=replicates))

    def _besides(self, groups: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in self.by if name not in groups)

    def __repr__(self) -> str:
        strata = f", by {', '.join(self.by)}" if self.by else ""
        return (
            f"Flow table on the clock {self.table.clock.value}{strata}: {len(self.table.table):,} rows, "
            f"{len(self.risk.moments):,} moments, states {', '.join(self.states)}"
        )


def in_order(strata: pd.DataFrame, order: Levels) -> Ints:
    """The rows of strata in the natural order of the levels, where it is known."""
    keys = [_rank(strata[name], order.get(str(name), ())) for name in reversed(strata.columns)]
    return np.lexsort(keys).astype(np.int64) if keys else np.arange(len(strata))


def _rank(values: pd.Series, levels: Sequence[str]) -> Ints:
    known = [*levels, *sorted({str(value) for value in values} - set(levels))]
    ranks: Ints = pd.Index(known).get_indexer(pd.Index(values.astype(str))).astype(np.int64)
    return ranks

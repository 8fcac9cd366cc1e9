"""Something that happens again and again: how often, how soon, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tracker.domain.chain import ADULT, DEAD, MOVED
from tracker.domain.errors import EstimateError
from tracker.estimate.recurrence import gap_incidence_robust, mean_count, mean_count_robust
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.recurrence_models import (
    GapClock,
    andersen_gill,
    prentice_williams_peterson,
    wei_lin_weissfeld,
)
from tracker.estimate.risk_sets import Stays, count
from tracker.projections.flow_clock import Clock
from tracker.study.results import CurvesResult, ModelResult

if TYPE_CHECKING:
    from tracker.study.cohorts import Cohort, Terms


ENDS = frozenset({ADULT, MOVED, DEAD})
"""Where a chain ends: a small cohort may have nobody there."""


@dataclass(frozen=True)
class Recurring:
    """Entering ``into`` (from ``out_of``, where given) until a ``terminal`` state, by strata and clock.

    Variances are clustered on the child: the events of one child hang together.
    """

    cohort: Cohort
    into: tuple[str, ...]
    out_of: tuple[str, ...] = ()
    terminal: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    clock: Clock = Clock.ENTRY

    def mean_count(self, *, robust: bool = True) -> CurvesResult:
        """The mean number of events per child over time, the terminal states ending it (Ghosh and Lin)."""
        stays = self.cohort.stays(self.clock, self.by)
        event = self._counted(stays)
        return CurvesResult(mean_count_robust(stays, event) if robust else mean_count(count(stays), event))

    def gaps(self) -> CurvesResult:
        """How soon it happens after each stay in ``out_of``: incidence, the other ways out competing.

        Raises EstimateError unless ``out_of`` is one state.
        """
        if len(self.out_of) != 1:
            raise EstimateError("The time until it happens again counts from one state: say which (out_of).")
        stays = self.cohort.stays(Clock.STATE, self.by)
        return CurvesResult(gap_incidence_robust(stays, self.out_of[0]))

    def andersen_gill(self, terms: Terms, *, reference: Mapping[str, object] | None = None) -> ModelResult:
        """Rate ratios, all events alike; the number of earlier events is at hand as ``event_number``."""
        stays = self._stays(terms)
        return ModelResult(andersen_gill(stays, self._modelled(stays), terms, strata=self.by,
                                         reference=reference))  # fmt: skip

    def prentice_williams_peterson(
        self,
        terms: Terms,
        *,
        since: GapClock = "total",
        most: int | None = None,
        reference: Mapping[str, object] | None = None,
    ) -> ModelResult:
        """Hazard ratios of the next event among those who have had as many.

        ``since``: total time, or gap (since the event before). ``most``: the first so many events.
        """
        stays = self._stays(terms)
        event = self._modelled(stays)
        return ModelResult(
            prentice_williams_peterson(
                stays, event, terms, clock=since, most=most, strata=self.by, reference=reference
            )
        )

    def wei_lin_weissfeld(
        self, terms: Terms, *, most: int, reference: Mapping[str, object] | None = None
    ) -> ModelResult:
        """Hazard ratios of the first, second … ``most``-th event since entry, the same for all of them."""
        stays = self._stays(terms)
        event = self._modelled(stays)
        return ModelResult(
            wei_lin_weissfeld(stays, event, terms, most=most, strata=self.by, reference=reference)
        )

    def _counted(self, stays: Stays) -> Recurrence:
        """The event, less the ends of the chain that nobody in these stays came to."""
        ends = tuple(name for name in self.terminal if name in stays.states or name not in ENDS)
        return Recurrence(self.into, self.out_of, ends)

    def _modelled(self, stays: Stays) -> Recurrence:
        """In models only those are at risk to whom it can happen."""
        return replace(self._counted(stays), at_risk=self.out_of)

    def _stays(self, terms: Terms) -> Stays:
        variables = [name for name in self.cohort._variables(terms, self.by) if name != "event_number"]
        return self.cohort.stays(self.clock, self.by, variables)

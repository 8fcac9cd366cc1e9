"""A cohort: who is followed, their stays, and the models that need children."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from tracker.domain.errors import UsageError
from tracker.estimate import from_cohort
from tracker.estimate.design import term_list
from tracker.estimate.fine_gray import fine_gray, fine_gray_late_entry
from tracker.estimate.flexible import flexible_hazards
from tracker.estimate.lifelines_models import fit as lifelines_fit
from tracker.estimate.location_scale import Family
from tracker.estimate.origin import about_cohort
from tracker.estimate.parametric import accelerated_failure
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.regression import cox
from tracker.estimate.results import About
from tracker.estimate.risk_sets import Stays
from tracker.projections.cohort import StudyCohort, draw
from tracker.projections.cohort_sources import sources
from tracker.projections.cohort_spec import CohortSpec, Covariate
from tracker.projections.flow_clock import Clock
from tracker.projections.flow_counting import Origin, count_flows
from tracker.projections.snapshot import Snapshot
from tracker.publish.chart_sheet import stamp_words
from tracker.study.flows import Flow, in_order
from tracker.study.recurring import Recurring
from tracker.study.results import CurvesResult, ModelResult
from tracker.study.words import States, Transition, states_of, transition_of

Terms = str | Sequence[str]
"""«sex + age_group + sex:age_group», or a list of such; numbers enter as they are, all else as categories."""


@dataclass(frozen=True, repr=False)
class Cohort:
    """Children drawn from a snapshot as declared, and what can be asked of them.

    ``drawn`` has the study spells on disk; ``spec`` is the declaration. A covariate asked for that is not
    declared is added, as known at entry, and the cohort drawn again; ``covariates`` lists what there is.
    """

    snapshot: Snapshot
    drawn: StudyCohort
    _again: dict[tuple[str, ...], Cohort] = field(default_factory=dict, compare=False)

    @property
    def spec(self) -> CohortSpec:
        """The declaration."""
        return self.drawn.spec

    @property
    def children(self) -> int:
        """How many children are followed."""
        return self.drawn.children

    @property
    def attrition(self) -> pd.DataFrame:
        """Who was left out, rule by rule: children, entries and stays after each."""
        return self.drawn.attrition

    @property
    def composition(self) -> pd.DataFrame:
        """Who is in the cohort: children and entries at each level of each covariate."""
        return self.drawn.composition

    @property
    def spells(self) -> pd.DataFrame:
        """The study spells: a row for each stay, or piece of one where a covariate changes."""
        return self.drawn.pandas()

    @property
    def about(self) -> About:
        """Name and content hash of the cohort, position, codebook, chain and rules."""
        return about_cohort(self.drawn)

    @property
    def covariates(self) -> tuple[str, ...]:
        """What can be asked for in ``by`` and ``terms``: declared covariates first, then all sources."""
        return tuple(dict.fromkeys([*(one.name for one in self.spec.covariates), *sources()]))

    def until(self, *states: str) -> Cohort:
        """The same children, followed until they enter one of these states for the first time."""
        return self._drawn(replace(self.spec, exits=replace(self.spec.exits, until=states)))

    def flow_table(self, clock: Clock | str = Clock.ENTRY, by: Sequence[str] = ()) -> Flow:
        """Counts on a clock, for each combination of the covariates in ``by``.

        ``clock``: entry, episode, state, age or calendar. Raises UsageError for unknown names.
        """
        named, cohort = clock_of(clock), self.with_covariates(by)
        origin = Origin.of(self.snapshot, cohort.drawn.unit, cohort.spec.version)
        table = count_flows(cohort.drawn.ibis(), named, tuple(by), origin=origin)
        levels = {name: cohort.drawn.levels(name) for name in by}
        return Flow(table, lambda: cohort.stays(named, by), levels)

    def stays(self, clock: Clock | str, by: Sequence[str] = (), covariates: Sequence[str] = ()) -> Stays:
        """The stays as arrays, as ``tracker.estimate`` takes them: for estimators without a method here."""
        cohort = self.with_covariates([*by, *covariates])
        found = from_cohort.stays(cohort.drawn, clock_of(clock), by, covariates)
        rows = in_order(found.strata, {name: cohort.drawn.levels(name) for name in by})
        return replace(
            found,
            strata=found.strata.iloc[rows].reset_index(drop=True),
            stratum=rows.argsort()[found.stratum],
            covariates=found.covariates.apply(cohort._in_order),
        )

    def incidence(self, state: str, by: Sequence[str] = ()) -> CurvesResult:
        """Having entered ``state`` at least once, by days since entry; growing up and dying compete.

        Who enters it on the way in counts from day 0. Moving away and the end of deliveries censor.
        """
        curves = self.until(state).flow_table(Clock.ENTRY, by).aalen_johansen().estimate
        moment = [*curves.strata, "time", "step"]
        waiting = curves.frame.groupby(moment, sort=False, dropna=False)["at_risk"].transform("sum")
        named = f"cumulative incidence of {state}"
        entered = CurvesResult(replace(curves, frame=curves.frame.assign(at_risk=waiting), quantity=named))
        return entered.select(state=state)

    def cox(
        self,
        transition: Transition,
        terms: Terms,
        *,
        clock: Clock | str = Clock.STATE,
        strata: Sequence[str] = (),
        robust: bool = True,
        ties: Ties = "efron",
        reference: Mapping[str, object] | None = None,
    ) -> ModelResult:
        """Hazard ratios of a transition, «referral -> investigation», by covariates.

        Every other way out of the state censors (cause-specific). The clock is that of the state left unless
        said otherwise. ``strata`` have a baseline hazard each; ``robust`` clusters the variance on the child,
        who may be in the state many times. ``reference``: the level to compare with, by covariate.
        """
        stays = self.stays(clock, strata, self._variables(terms, strata))
        cluster = "subject" if robust else None
        return ModelResult(
            cox(stays, transition_of(transition), terms, ties=ties, strata=strata, cluster=cluster,
                reference=reference)
        )  # fmt: skip

    def fine_gray(
        self,
        transition: Transition,
        terms: Terms,
        *,
        clock: Clock | str = Clock.ENTRY,
        late_entry: Literal["refused", "weighted"] = "refused",
        reference: Mapping[str, object] | None = None,
    ) -> ModelResult:
        """Subdistribution hazard ratios: how covariates move the cumulative incidence of a transition.

        One stay in the state a child. ``late_entry``: refused, or weighted as in R's ``finegray``.
        """
        stays = self.stays(clock, (), self._variables(terms))
        fit = fine_gray if late_entry == "refused" else fine_gray_late_entry
        return ModelResult(fit(stays, transition_of(transition), terms, reference=reference))

    def accelerated_failure(
        self, state: str, terms: Terms = (), *, to: States | None = None, family: Family = "weibull"
    ) -> ModelResult:
        """Time ratios of leaving ``state`` in a parametric family, a ratio of 2 being twice as long.

        ``family``: weibull, exponential, lognormal or loglogistic. Days are intervals [d, d + 1); variances
        are clustered on the child.
        """
        stays = self.stays(Clock.STATE, (), self._variables(terms))
        return ModelResult(accelerated_failure(stays, state, terms, to=states_of(to), family=family))

    def flexible_hazards(
        self, state: str, terms: Terms = (), *, to: States | None = None, knots: int = 2
    ) -> ModelResult:
        """Hazard ratios of leaving ``state`` on a smooth baseline (Royston and Parmar)."""
        stays = self.stays(Clock.STATE, (), self._variables(terms))
        return ModelResult(flexible_hazards(stays, state, terms, to=states_of(to), knots=knots))

    def lifelines(
        self, fitter: Any, state: str, terms: Terms = (), *, to: States | None = None
    ) -> ModelResult:
        """The time until ``state`` is left by a fitter of lifelines, such as ``WeibullAFTFitter()``.

        Its own warnings that it did not arrive are refusals here.
        """
        stays = self.stays(Clock.STATE, (), self._variables(terms))
        return ModelResult(lifelines_fit(stays, fitter, state, terms, to=states_of(to)))

    def recurrence(
        self,
        into: States,
        *,
        out_of: States = (),
        terminal: States = (),
        by: Sequence[str] = (),
        clock: Clock | str = Clock.ENTRY,
    ) -> Recurring:
        """Entering ``into`` (from ``out_of``) again and again, until a ``terminal`` state."""
        named = [states_of(states) or () for states in (into, out_of, terminal)]
        return Recurring(self, named[0], named[1], named[2], tuple(by), clock_of(clock))

    def with_covariates(self, names: Sequence[str]) -> Cohort:
        """The cohort with these covariates too, as known at entry; itself when it has them all."""
        wanted = tuple(dict.fromkeys(names))
        missing = tuple(name for name in wanted if name not in self._declared)
        if unknown := [name for name in missing if name not in sources()]:
            raise UsageError(
                f"Unknown covariate {', '.join(unknown)}; there are {', '.join(self.covariates)}."
            )
        if not missing:
            return self
        if missing not in self._again:
            added = tuple(Covariate(name, name) for name in missing)
            self._again[missing] = self._drawn(replace(self.spec, covariates=self.spec.covariates + added))
        return self._again[missing]

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(one.name for one in self.spec.covariates)

    def _drawn(self, spec: CohortSpec) -> Cohort:
        return Cohort(self.snapshot, draw(self.snapshot, spec))

    def _variables(self, terms: Terms, strata: Sequence[str] = ()) -> list[str]:
        """The columns that terms are made of; those of the strata are at hand."""
        named = [name for term in term_list(terms) for name in term.split(":")]
        return [name for name in dict.fromkeys(named) if name not in strata]

    def _in_order(self, column: pd.Series) -> pd.Series:
        """A category with its levels in their natural order, so that the first is the reference."""
        seen = set(column.unique())
        levels = [level for level in self.drawn.levels(str(column.name)) if level in seen]
        return pd.Series(pd.Categorical(column, levels, ordered=True)) if seen == set(levels) else column

    def __repr__(self) -> str:
        return (
            f"Cohort {self.spec.version}: {self.children:,} children, {self.drawn.entries:,} entries, "
            f"{len(self.drawn):,} stays · {stamp_words(self.about)}"
        )

    def _repr_html_(self) -> str:
        asked = f"<p>{html.escape(self.spec.question)}</p>" if self.spec.question else ""
        table = self.attrition.drop(columns=["step"]).to_html(index=False, border=0, na_rep="")
        return f"<h4>{html.escape(repr(self))}</h4>{asked}{table}"


def clock_of(clock: Clock | str) -> Clock:
    """The clock of that name. Raises UsageError with those there are."""
    if clock not in tuple(Clock):
        raise UsageError(f"There is no clock «{clock}»; there are {', '.join(Clock)}.")
    return Clock(clock)

"""Aalen–Johansen: the probability of being in each state, for any chain with loops, from counts.

Aalen & Johansen (1978), Scand. J. Statist. 5:141–150; Andersen, Borgan, Gill & Keiding (1993), section
IV.4. All k-th steps of a day are tied; who enters at a moment is at risk from the next. Loops and delayed
entry need nothing more. The estimate of occupation holds without the Markov property when censoring and
entry are independent of the path (Datta & Satten 2001, Stat. Probab. Lett. 55:403–411); transition
probabilities do need it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError
from tracker.estimate.intervals import Interval, survival_bounds
from tracker.estimate.product_integral import (
    Steps,
    Variance,
    carry_covariance,
    forward,
    noise,
    steps_after,
    time_to_come,
)
from tracker.estimate.results import SETTLED, Curves, Method
from tracker.estimate.risk_sets import Floats, Ints, RiskSets
from tracker.estimate.starting import Initial, Mix, Start, last_at_risk, mix_covariance, started

AALEN_JOHANSEN = Method("Aalen–Johansen", "Aalen & Johansen (1978), Scand. J. Statist. 5:141–150")
SURELY = 1e-12
"""A probability below this is what rounding leaves of none."""
VARIANCES = {
    "greenwood": "Greenwood-type (multinomial), Andersen et al. (1993) IV.4.1.3",
    "aalen": "Aalen-type (Poisson), Andersen et al. (1993) IV.4.1.3",
}


@dataclass(frozen=True)
class Occupation:
    """State occupation by stratum, with covariance.

    ``probability`` [K + 1, G, H] and ``covariance`` [K + 1, G, H, H]: at the start and after each of the K
    moments of ``steps``. ``end`` [G] numbers the last moment at which anyone in the stratum was at risk.
    """

    risk: RiskSets
    start: Start
    end: Ints
    steps: Steps
    probability: Floats
    covariance: Floats
    variance: Variance
    method: Method

    def curves(self, *, interval: Interval = "log", level: float = 0.95) -> Curves:
        """The curves with pointwise intervals: a row for each stratum, state and moment something happened.

        The first row of a curve is where it starts, with those observed then ``at_risk``; ``events`` are
        the transitions into the state. Curves end where nobody in the stratum is at risk any more. A
        probability of 0 has no bounds. Raises EstimateError for an unknown interval or level.
        """
        frame = _frame(self)
        estimate, error = frame["estimate"].to_numpy(), frame["std_error"].to_numpy()
        frame["lower"], frame["upper"] = probability_bounds(estimate, error, interval, level)
        strata = tuple(str(name) for name in self.risk.strata.columns)
        method = replace(self.method, interval=interval)
        return Curves(
            "state occupation", frame, strata, ("state",), self.risk.about, method, start=np.nan, level=level
        )

    def rows(self) -> tuple[Ints, Ints]:
        """Stratum and moment of the rows of its curves: where each starts, then where anything happened."""
        happened = self.risk.moved.any(2) | self.risk.entered.any(2) | self.risk.censored.any(2)
        number = np.arange(len(self.risk.moments))
        happened &= (number > self.start.moment[:, None]) & (number <= self.end[:, None])
        group, moment = np.nonzero(happened)
        group = np.concatenate([np.arange(len(self.end)), group])
        moment = np.concatenate([self.start.moment, moment])
        order = np.lexsort((moment, group))
        return group[order], moment[order]

    def time_to_come(self, horizon: float) -> Floats:
        """Time in each state up to ``horizon`` given the state after each step, [K + 1, G, H, H]."""
        return time_to_come(self.steps, self.start.time, horizon)

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Whether everyone has come to states that end the chain, after each step [K + 1, G].

        Such a state has no way out, and nobody is ever at risk in it.
        """
        left = np.isin(np.arange(len(self.risk.states)), [source for source, _ in self.risk.transitions])
        followed = np.asarray(self.risk.at_risk.any(axis=(0, 1)))
        moving: Floats = self.probability[:, :, left | followed].sum(axis=2)
        return moving <= SURELY

    @property
    def followed_to(self) -> Floats:
        """The last time at which anyone was at risk, by stratum [G]."""
        return self.risk.moments.time[self.end]


def aalen_johansen(
    risk: RiskSets,
    *,
    initial: Initial = Mix.SAMPLED,
    since: float | None = None,
    variance: Variance = "greenwood",
) -> Occupation:
    """The probability of being in each state, by stratum, p(t) = p(s) ∏ (I + dA(u)) over u in (s, t].

    ``since``: curves start at the end of that day, so its moves do not count; None: at the first moment
    anyone of the stratum entered. ``initial``: the mix observed there (``Mix.SAMPLED`` adds the
    multinomial variance of it, ``Mix.GIVEN`` does not), a state everyone starts in, or probabilities by
    state. ``variance``: greenwood (as etm) or aalen. Raises EstimateError on the clock of the state, for
    strata with nobody at risk after the start, and for impossible initial probabilities.
    """
    if risk.about.clock == "state":
        raise EstimateError(
            "On the clock of the state everyone starts anew at each transition: there is no occupation of "
            "states to estimate. Use the incidence of leaving one state, or another clock."
        )
    if not len(risk.strata):
        raise EstimateError("Nobody is in the data: there is no occupation of states to estimate.")
    return occupation(risk, initial, since, variance)


def occupation(risk: RiskSets, initial: Initial, since: float | None, variance: Variance) -> Occupation:
    """As ``aalen_johansen``, whatever the clock."""
    start = started(risk, initial, since)
    end = last_at_risk(risk, start)
    steps = steps_after(risk, start.moment)
    probability = forward(steps, start.initial)
    added = noise(steps, probability[:-1], probability[:-1], variance)
    covariance = carry_covariance(steps, mix_covariance(start), added)
    method = replace(AALEN_JOHANSEN, variance=VARIANCES[variance])
    return Occupation(risk, start, end, steps, probability, covariance, variance, method)


def probability_bounds(
    estimate: Floats, error: Floats, interval: Interval, level: float
) -> tuple[Floats, Floats]:
    """Pointwise bounds of probabilities; those of 0 have none."""
    relative = np.divide(error, estimate, out=np.zeros_like(error), where=estimate > 0)
    return survival_bounds(estimate, relative, interval, level)


def _frame(fit: Occupation) -> pd.DataFrame:
    """A row for each stratum, state and moment of the stratum, the start first."""
    risk, states = fit.risk, len(fit.risk.states)
    group, moment = fit.rows()
    first = moment == fit.start.moment[group]
    done = np.searchsorted(fit.steps.moment, moment, side="right")
    into = np.zeros((len(group), states))
    for number, (_, target) in enumerate(risk.transitions):
        into[:, target] += risk.moved[group, moment, number]
    into[first] = 0
    at_risk = np.where(first[:, None], fit.start.in_state[group], risk.at_risk[group, moment])
    variance = np.diagonal(fit.covariance, axis1=2, axis2=3)[done, group]
    columns = {
        "time": np.where(first, fit.start.time[group], risk.moments.time[moment]),
        "step": np.where(first, fit.start.step[group], risk.moments.step[moment]),
        "at_risk": at_risk,
        "events": into,
        "estimate": fit.probability[done, group],
        "std_error": np.sqrt(np.maximum(variance, 0)),
        SETTLED: fit.settled[done, group],
    }
    row, state = by_state(group, states)
    told = {name: values[row] if values.ndim == 1 else values[row, state] for name, values in columns.items()}
    named = np.array(risk.states, object)[state]
    strata = risk.strata.iloc[group[row]].reset_index(drop=True)
    return pd.concat([strata, pd.DataFrame({"state": named, **told})], axis=1)


def by_state(group: Ints, states: int) -> tuple[Ints, Ints]:
    """Rows repeated for each state, ordered by stratum, state and then as they came: (row, state)."""
    row = np.tile(np.arange(len(group)), states)
    state = np.repeat(np.arange(states), len(group))
    order = np.lexsort((row, state, group[row]))
    return row[order], state[order]

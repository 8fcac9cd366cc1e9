"""The partial likelihood of Cox from counts, and its maximum.

At a slot with d events of total weight W, with S0, S1 the sums of risk and of risk × covariates over those at
risk, s0, s1 the same over those who had the event, Efron's likelihood has d factors with denominators
c_l = S0 − (l/d) s0, l = 0 … d−1, each of weight W/d; Breslow's has all l = 0. Everything else follows from
sums of 1/c_l and 1/c_l² over l, so no sums of squares of covariates are needed by slot: the first part of the
information is a product over patterns. Sources: Cox (1972, 1975); Breslow (1974); Efron (1977), eq. 4;
Therneau & Grambsch (2000), §3.3 (ties), §3.1 (score and information).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tracker.domain.errors import EstimateError
from tracker.estimate.event_sets import EventSets
from tracker.estimate.risk_sets import Floats, Ints

Ties = Literal["efron", "breslow"]

MOST_STEPS = 60
CLOSE = 1e-16
"""Newton has arrived when its step, squared and in units of standard errors, is below this."""


@dataclass(frozen=True)
class TieSums:
    """By slot, with weight W/d for each l and a = l/d: sums of log c, 1/c, a/c, 1/c², a/c², a²/c²."""

    log: Floats
    one: Floats
    part: Floats
    one_squared: Floats
    part_squared: Floats
    parts_squared: Floats


@dataclass(frozen=True)
class Sums:
    """Sums at each slot for given coefficients: S0 [E], S1 [E, K], of the events s0, s1, and over ties.

    ``weight`` is that of the events.
    """

    weight: Floats
    risk: Floats
    risk_covariates: Floats
    event_risk: Floats
    event_covariates: Floats
    ties: TieSums

    @property
    def hazard(self) -> Floats:
        """Increments of the cumulative hazard at covariates zero."""
        return self.ties.one

    @property
    def drift(self) -> Floats:
        """[E, K]: sums over l of mean covariates × hazard, among those at risk who had no event."""
        return _times(self.ties.one_squared, self.risk_covariates) - _times(
            self.ties.part_squared, self.event_covariates
        )

    @property
    def means(self) -> Floats:
        """[E, K]: mean covariates of those at risk, averaged over the ties."""
        sums = _times(self.ties.one, self.risk_covariates) - _times(self.ties.part, self.event_covariates)
        means: Floats = sums / self.weight[:, None]
        return means

    @property
    def event_drift(self) -> Floats:
        """[E, K]: the same with a = l/d: what of it those with an event are spared."""
        return _times(self.ties.part_squared, self.risk_covariates) - _times(
            self.ties.parts_squared, self.event_covariates
        )


@dataclass(frozen=True)
class Point:
    """The log partial likelihood at some coefficients, its gradient and its negative second derivative."""

    coefficients: Floats
    value: float
    score: Floats
    information: Floats


class PartialLikelihood:
    """The partial likelihood of event sets with design matrix ``columns`` [P, K]."""

    def __init__(self, sets: EventSets, columns: Floats, ties: Ties) -> None:
        self.sets = sets
        self.columns = columns
        self.ties = ties
        self._observed = np.asarray(np.ones(len(sets)) @ sets.deaths)
        if ties == "efron":
            self._efron = _Fractions(sets)

    def sums(self, coefficients: Floats) -> Sums:
        """Sums at each slot for these coefficients."""
        risk = np.exp(self.columns @ coefficients)
        weighted = np.column_stack([risk, risk[:, None] * self.columns])
        all_, events = self.sets.summed(weighted), np.asarray(self.sets.deaths @ weighted)
        if self.ties == "efron":
            tied = self._efron.sums(self.sets, all_[:, 0], events[:, 0])
        else:
            tied = _breslow(self.sets.weight, all_[:, 0])
        return Sums(self.sets.weight, all_[:, 0], all_[:, 1:], events[:, 0], events[:, 1:], tied)

    def at(self, coefficients: Floats) -> Point:
        """Value, score and information at these coefficients."""
        sums = self.sums(coefficients)
        linear = self.columns @ coefficients
        value = float(self._observed @ linear - sums.ties.log.sum())
        expected = self.expected(coefficients, sums, np.ones(len(self.sets)))
        information = self.weighted_information(coefficients, sums, np.ones(len(self.sets)))
        return Point(coefficients, value, (self._observed - expected) @ self.columns, information)

    def expected(self, coefficients: Floats, sums: Sums, by_slot: Floats) -> Floats:
        """Expected events by pattern [P], each slot counted ``by_slot`` times."""
        risk = np.exp(self.columns @ coefficients)
        spared = np.asarray((by_slot * sums.ties.part) @ self.sets.deaths)
        spread: Floats = risk * (self.sets.spread(by_slot * sums.ties.one) - spared)
        return spread

    def weighted_score(self, coefficients: Floats, sums: Sums, by_slot: Floats) -> Floats:
        """The score [K] with the slots weighted: observed less expected covariates."""
        observed = np.asarray(by_slot @ self.sets.deaths)
        score: Floats = (observed - self.expected(coefficients, sums, by_slot)) @ self.columns
        return score

    def weighted_information(self, coefficients: Floats, sums: Sums, by_slot: Floats) -> Floats:
        """The information [K, K] with the slots weighted."""
        expected = self.expected(coefficients, sums, by_slot)
        squares = self.columns.T @ (expected[:, None] * self.columns)
        s1, d1, ties = sums.risk_covariates, sums.event_covariates, sums.ties
        cross = s1.T @ _times(by_slot * ties.part_squared, d1)
        means = s1.T @ _times(by_slot * ties.one_squared, s1) - cross - cross.T
        means += d1.T @ _times(by_slot * ties.parts_squared, d1)
        information: Floats = squares - means
        return (information + information.T) / 2


def _times(by_slot: Floats, values: Floats) -> Floats:
    product: Floats = by_slot[:, None] * values
    return product


def _breslow(weight: Floats, risk: Floats) -> TieSums:
    none = np.zeros_like(risk)
    return TieSums(weight * np.log(risk), weight / risk, none, weight / risk**2, none, none)


class _Fractions:
    """The l/d of all events of all slots, once; sums over them for given risks."""

    def __init__(self, sets: EventSets) -> None:
        number = np.rint(sets.number).astype(np.int64)
        if np.abs(sets.number - number).max() > 1e-9:
            raise EstimateError("Efron's tie rule needs whole numbers of events; use Breslow's for others.")
        self.begins: Ints = np.concatenate([[0], np.cumsum(number)[:-1]])
        self.number = number
        order = np.arange(int(number.sum())) - np.repeat(self.begins, number)
        self.fraction: Floats = order / np.repeat(number, number)

    def sums(self, sets: EventSets, risk: Floats, event_risk: Floats) -> TieSums:
        a = self.fraction
        c = np.repeat(risk, self.number) - a * np.repeat(event_risk, self.number)
        each = sets.weight / self.number
        one = 1.0 / c
        part = a * one
        terms = (np.log(c), one, part, one * one, one * part, part * part)
        return TieSums(*(each * np.add.reduceat(term, self.begins) for term in terms))


def maximum(likelihood: PartialLikelihood, names: tuple[str, ...]) -> tuple[Point, Point, int]:
    """The start (all coefficients 0), the maximum, and the number of Newton steps with halving.

    Raises EstimateError for collinear columns, coefficients that run to infinity, and non-convergence.
    """
    start = likelihood.at(np.zeros(likelihood.columns.shape[1]))
    require_independent(start.information, likelihood, names)
    point, slow, before = start, 0, np.inf
    for iteration in range(MOST_STEPS):
        step: Floats = np.linalg.solve(point.information, point.score).astype(np.float64)
        away = float(step @ point.score)
        slow = slow + 1 if 1e-13 < away < 1e-3 and away > 0.1 * before else 0
        if slow >= 2 or not np.isfinite(away):
            raise EstimateError(_separated(step, point, names))
        if away < CLOSE:
            return start, likelihood.at(point.coefficients + step), iteration + 1
        point, before = _improved(likelihood, point, step, names), away
    raise EstimateError(f"The fit did not converge in {MOST_STEPS} Newton steps.")


def _improved(likelihood: PartialLikelihood, point: Point, step: Floats, names: tuple[str, ...]) -> Point:
    slack = 1e-12 * max(1.0, abs(point.value))
    for halving in range(40):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            tried = likelihood.at(point.coefficients + step / 2**halving)
        if np.isfinite(tried.value) and tried.value >= point.value - slack:
            return tried
    raise EstimateError(_separated(step, point, names))


def _separated(step: Floats, point: Point, names: tuple[str, ...]) -> str:
    size = np.abs(step)
    far = [name for name, one in zip(names, size, strict=True) if one > 0.2 * size.max()]
    ways = ", ".join(f"«{name}»" for name in far)
    return (
        f"Separation: the coefficient of {ways} runs to infinity, as among those at risk the events are all "
        f"on one side of it (it stood at {point.coefficients[int(size.argmax())]:.1f} standard deviations)."
    )


def require_independent(information: Floats, likelihood: PartialLikelihood, names: tuple[str, ...]) -> None:
    """Raise EstimateError naming a column that those before it, or the strata, determine.

    The information at coefficients 0 is singular exactly when some combination of columns is constant within
    every risk set.
    """
    scale = np.sqrt(np.maximum(_largest(likelihood), 1e-300))
    scaled = information / np.outer(scale, scale)
    for column in range(len(scaled)):
        earlier = scaled[:column, :column]
        made = np.linalg.solve(earlier, scaled[:column, column]) if column else np.empty(0)
        if scaled[column, column] - scaled[:column, column] @ made > 1e-9 * max(scaled[column, column], 1e-3):
            continue
        of = [name for name, part in zip(names, made, strict=False) if abs(part) > 1e-6]
        because = f"is a combination of {', '.join(f'«{n}»' for n in of)}" if of else "does not vary"
        raise EstimateError(f"Columns are collinear: «{names[column]}» {because} among those at risk.")


def _largest(likelihood: PartialLikelihood) -> Floats:
    """How large the information on each column could be: its squares over those expected to have events."""
    sums = likelihood.sums(np.zeros(likelihood.columns.shape[1]))
    expected = likelihood.expected(np.zeros(likelihood.columns.shape[1]), sums, np.ones(len(sums.risk)))
    squares: Floats = expected @ likelihood.columns**2
    return squares

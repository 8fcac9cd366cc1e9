"""Newton's method to the top of a likelihood, damped where it is not concave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from tracker.domain.errors import EstimateError
from tracker.estimate.risk_sets import Floats

MOST_STEPS = 200
CLOSE = 1e-20
"""Newton has arrived when its step, squared and in units of standard errors, is below this."""

Point = tuple[float, Floats, Floats]
"""Log-likelihood, its gradient and the information (minus its second derivatives)."""


def climb(
    at: Callable[[Floats], Point], start: Floats, check: Callable[[Floats], None]
) -> tuple[Floats, Point, int]:
    """The top, the likelihood there and the steps it took; ``check`` may refuse where the way leads.

    Raises EstimateError when the top is not reached.
    """
    values, point = start, _tried(at, start)
    for step_number in range(1, MOST_STEPS + 1):
        step = _ascent(point[2], point[1])
        far = float(step @ point[1])
        values, point = _improved(at, values, step, point)
        check(values)
        if far < CLOSE * max(1.0, abs(point[0])):
            return values, point, step_number
    raise EstimateError(
        f"The model does not converge in {MOST_STEPS} steps: the data do not tell where its likelihood is "
        "greatest."
    )


def _ascent(information: Floats, gradient: Floats) -> Floats:
    """Newton's step; damped until it goes uphill where the likelihood is not concave."""
    size = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    scaled = information / np.outer(size, size)
    for damping in (0.0, *10.0 ** np.arange(-6, 4)):
        try:
            factor = cho_factor(scaled + damping * np.eye(len(size)))
        except np.linalg.LinAlgError:
            continue
        step: Floats = cho_solve(factor, gradient / size) / size
        return step
    raise EstimateError(
        "The likelihood of the model has no direction upwards: it has too many terms for the data."
    )


def _improved(
    at: Callable[[Floats], Point], values: Floats, step: Floats, point: Point
) -> tuple[Floats, Point]:
    """As much of a step as does not go down; none of it when only rounding is left."""
    for share in 0.5 ** np.arange(30):
        tried = values + share * step
        reached = _tried(at, tried)
        if (
            np.isfinite(reached[0])
            and np.isfinite(reached[2]).all()
            and reached[0] >= point[0] - _noise(point)
        ):
            return tried, reached
    return values, point


def _tried(at: Callable[[Floats], Point], values: Floats) -> Point:
    """The likelihood where it may overflow: what is not finite is not gone to."""
    with np.errstate(all="ignore"):
        return at(values)


def _noise(point: Point) -> float:
    return 1e-13 * max(1.0, abs(point[0]))


def inverse(information: Floats, names: tuple[str, ...]) -> Floats:
    """The inverse of an information; raises EstimateError naming a term that cannot be told from others."""
    size = np.sqrt(np.maximum(np.diag(information), 1e-300))
    kinds, vectors = np.linalg.eigh(information / np.outer(size, size))
    if kinds[0] < 1e-10:
        raise EstimateError(
            f"The data do not carry «{_covariate(vectors[:, 0], names)}»: it cannot be told from other "
            "terms, or some of its values have no events, or all of them."
        )
    inverse: Floats = (vectors / kinds) @ vectors.T / np.outer(size, size)
    return inverse


def _covariate(direction: Floats, names: tuple[str, ...]) -> str:
    """The term a flat direction is about: a covariate rather than what belongs to the baseline."""
    baseline = np.array([name.startswith(("(intercept)", "log(scale)", "spline ")) for name in names])
    return names[int(np.argmax(np.abs(direction) * np.where(baseline, 0.01, 1.0)))]

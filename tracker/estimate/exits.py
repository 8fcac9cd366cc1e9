"""Leaving one state, as one event: the counts every estimator of survival type stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.results import About
from tracker.estimate.risk_sets import Floats, Ints, RiskSets, require_someone

OtherExits = Literal["refused", "censored"]
"""What to make of exits that are not the event: refuse them, or take them as censoring."""

NEGLIGIBLE = 1e-9
"""Counts below this share of the largest are what rounding left of sums of weights."""


@dataclass(frozen=True)
class Exits:
    """Counts of those in one state, by stratum (G) and moment (T); a row of ``strata`` for each stratum.

    ``at_risk`` [G, T] just before the moment, ``events`` and ``lost`` (censored, and other exits taken as
    such) at it, ``entered`` those who came into the state at it, at risk from the next moment. ``since``
    is where the clock starts: everyone counted was still in the state then. ``moment`` is the number of each
    moment among those of the risk sets.
    """

    strata: pd.DataFrame
    state: str
    to: tuple[str, ...]
    moment: Ints
    time: Floats
    step: Ints
    at_risk: Floats
    events: Floats
    lost: Floats
    entered: Floats
    since: float = 0.0
    about: About = field(default_factory=About)

    def after(self, time: float) -> Exits:
        """The same, given that the state had not been left by the end of day ``time``.

        With delayed entry the earliest moments may have few at risk, and one exit among few takes a curve
        far down for good: starting later is the usual remedy. Raises EstimateError for a negative time,
        and when a stratum has nobody at risk after it.
        """
        if not time >= 0:
            raise EstimateError("A curve starts at a time of zero or more.")
        later = self.time > time
        arrays = {name: getattr(self, name)[:, later] for name in ("at_risk", "events", "lost", "entered")}
        moments = {name: getattr(self, name)[later] for name in ("moment", "time", "step")}
        _require_anyone(arrays["at_risk"], self.strata)
        return replace(self, since=float(time), **arrays, **moments)

    @property
    def ends(self) -> Floats:
        """When the last one at risk left or was lost, by stratum [G]."""
        observed = self.events + self.lost > 0
        last: Floats = np.where(observed, self.time, self.since).max(axis=1, initial=self.since)
        return last

    def require_whole(self, what: str) -> None:
        """Raise EstimateError when counts are not whole numbers, for a method that needs persons."""
        counts = (self.at_risk, self.events)
        if any(np.any(np.abs(values - np.round(values)) > 1e-6) for values in counts):
            raise EstimateError(f"{what} is of whole counts; these are weighted.")


def leaving(
    risk: RiskSets, state: str, to: Sequence[str] | None = None, others: OtherExits = "refused"
) -> Exits:
    """Leaving ``state``, for any of the states ``to`` (left out: for whatever state), as one event.

    Exits to other states are refused unless taken as censoring (``others="censored"``): the curve is then
    that of a world without them, not the share that leaves so (that is the cumulative incidence). Raises
    EstimateError for unknown states, transitions that do not exist and strata with nobody at risk.
    """
    origin = risk.state(state)
    from_here = [m for m, (source, _) in enumerate(risk.transitions) if source == origin]
    wanted = [m for m in from_here if to is None or risk.named(m)[1] in to]
    _require_targets(risk, state, to, [risk.named(m)[1] for m in wanted])
    rest = [m for m in from_here if m not in wanted]
    competing = risk.moved[:, :, rest].sum(axis=2)
    if others == "refused" and competing.any():
        raise EstimateError(_competing(risk, state, rest))
    at_risk, entered = risk.at_risk[:, :, origin], risk.entered[:, :, origin]
    _require_anyone(at_risk, risk.strata)
    events, lost = risk.moved[:, :, wanted].sum(axis=2), risk.censored[:, :, origin] + competing
    kept = np.any((events > 0) | (lost > 0) | (entered > 0), axis=0)
    return Exits(
        risk.strata,
        state,
        tuple(risk.named(m)[1] for m in wanted),
        np.flatnonzero(kept),
        risk.moments.time[kept],
        risk.moments.step[kept],
        _without_residue(at_risk)[:, kept],
        events[:, kept],
        lost[:, kept],
        entered[:, kept],
        about=risk.about,
    )


def _require_targets(risk: RiskSets, state: str, to: Sequence[str] | None, found: list[str]) -> None:
    for name in to or ():
        risk.state(name)
        if name not in found:
            raise EstimateError(f"There is no transition from «{state}» to «{name}» in these data.")
    if to is not None and not to:
        raise EstimateError(f"Leaving «{state}» needs at least one state to go to.")


def _competing(risk: RiskSets, state: str, rest: list[int]) -> str:
    named = ", ".join(sorted(risk.named(m)[1] for m in rest if risk.moved[:, :, m].any()))
    return (
        f"Some leave «{state}» for {named}: a competing exit is not censoring. Use the cumulative incidence, "
        "count these exits too, or ask for them to be taken as censored."
    )


def _without_residue(at_risk: Floats) -> Floats:
    floor = NEGLIGIBLE * at_risk.max(axis=1, keepdims=True, initial=0)
    return np.where(at_risk > floor, at_risk, 0.0)


def _require_anyone(at_risk: Floats, strata: pd.DataFrame) -> None:
    if len(strata):
        require_someone(at_risk, strata)

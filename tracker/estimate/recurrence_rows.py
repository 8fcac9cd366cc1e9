"""Stays laid out for models of recurrence: what is the event, the how-manieth, and who is at risk of it.

A stay becomes a row «observed», ending in «event», in «ended» (a terminal state) or in neither. A child is at
risk of its next event from the moment after the last one, while it is seen and in a state at risk; one whose
last row ends in an event is not at risk afterwards. Ties are those of the moments: of an event and a terminal
exit of the same moment both were at risk.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.event_flows import numbered_moments
from tracker.estimate.recurrence_event import Recurrence, picked, stays_at_risk
from tracker.estimate.risk_sets import END, Ints, Stays

OBSERVED, EVENT, ENDED = "observed", "event", "ended"
NUMBER = "event_number"
"""The covariate that says which event a row is at risk of: 1 for the first."""


def event_rows(stays: Stays, event: Recurrence) -> Stays:
    """The stays at risk, their way out turned into event, end or neither, numbered in ``event_number``.

    Rows are those of the stays, in order of child and time; strata, weights and covariates are kept. Only
    events among the stays are counted: of a child first seen late earlier ones are not known. Raises
    EstimateError for unknown states and for a child with two stays at once.
    """
    kept, happened, ended = stays_at_risk(stays, event)
    order = np.lexsort((kept.left, kept.entered, kept.subject))
    subject, entered, left = kept.subject[order], kept.entered[order], kept.left[order]
    if ((subject[1:] == subject[:-1]) & (entered[1:] < left[:-1])).any():
        raise EstimateError("Events are numbered within a child, and some child has two stays at once.")
    rows = picked(kept, order)
    to = np.where(happened[order] == 1, 1, np.where(ended[order] == 1, 2, -1))
    return replace(
        rows,
        states=(OBSERVED, EVENT, ENDED),
        transitions=((0, 1), (0, 2)),
        state=np.zeros(len(order), np.int64),
        to=to,
        covariates=rows.covariates.assign(**{NUMBER: 1 + _earlier(subject, happened[order])}),
    )


def since_last_event(rows: Stays) -> Stays:
    """Rows of ``event_rows`` on the clock that starts anew with each event.

    Each gap is counted from the child's first moment at risk after the event before. As on the clock of the
    state, a gap is entered at step 0, and everything that happens a day after is step 1 of that day: also
    leaving for a state where one is not at risk, so that who leaves is at risk of the events of its day.
    """
    gap = _gaps(rows)
    times = rows.moments.time
    first = np.full(int(gap.max(initial=-1)) + 1, len(times))
    np.minimum.at(first, gap, rows.entered)
    begins = rows.entered == first[gap]
    origin = times[first[gap]]
    entered_step = np.where(begins, 0, _boundary(rows.moments.step[rows.entered]))
    left_step = np.where(rows.to >= 0, 1, _last_step(rows, gap, entered_step))
    start, stop = times[rows.entered] - origin, times[rows.left] - origin
    moments, number = numbered_moments(
        np.concatenate([start, stop]), np.concatenate([entered_step, left_step]).astype(np.int64)
    )
    gapped = replace(
        rows,
        about=replace(rows.about, clock="gap"),
        moments=moments,
        entered=number[: len(rows)],
        left=number[len(rows) :],
    )
    return picked(gapped, np.flatnonzero(gapped.entered < gapped.left))


def up_to(rows: Stays, most: int) -> Stays:
    """Rows at risk of the first ``most`` events."""
    return picked(rows, np.flatnonzero(rows.covariates[NUMBER].to_numpy() <= most))


def each_event(rows: Stays, most: int) -> Stays:
    """Every child at risk of its first, second … ``most``-th event from the start, until that one happens.

    The layout of Wei, Lin and Weissfeld: rows of ``event_rows`` once for each event not yet had, with
    ``event_number`` now saying of which; an earlier event is no end.
    """
    number = rows.covariates[NUMBER].to_numpy()
    parts = []
    for which in range(1, most + 1):
        part = picked(rows, np.flatnonzero(number <= which))
        earlier = (part.to == 1) & (part.covariates[NUMBER].to_numpy() < which)
        to = np.where(earlier, -1, part.to)
        parts.append(replace(part, to=to, covariates=part.covariates.assign(**{NUMBER: which})))
    return _joined(parts)


def _earlier(subject: Ints, happened: Ints) -> Ints:
    """Events of the same child in rows before, where rows are in order of child and time."""
    before = np.cumsum(happened) - happened
    new = np.flatnonzero(np.diff(subject, prepend=-1))
    lengths = np.diff(np.append(new, len(subject)))
    earlier: Ints = before - np.repeat(before[new], lengths)
    return earlier


def _gaps(rows: Stays) -> Ints:
    """A number for each child and event to come."""
    number = rows.covariates[NUMBER].to_numpy(np.int64)
    codes: Ints = pd.factorize(rows.subject * (number.max(initial=0) + 1) + number)[0].astype(np.int64)
    return codes


def _boundary(step: Ints) -> Ints:
    """A row broken off and taken up again within a day: before all that happens on it, or after."""
    return np.where(step == END, END, 0)


def _last_step(rows: Stays, gap: Ints, entered_step: Ints) -> Ints:
    """The step of rows that end without event: that of all that happens, unless the gap goes on that day."""
    time, step = rows.moments.time[rows.left], rows.moments.step[rows.left]
    goes_on = np.append(
        (gap[1:] == gap[:-1]) & (rows.moments.time[rows.entered[1:]] == time[:-1]) & (entered_step[1:] == 0),
        False,
    )
    return np.where(step == END, END, np.where(goes_on, 0, 1))


def _joined(parts: list[Stays]) -> Stays:
    named = ("subject", "stratum", "state", "entered", "left", "to", "weight")
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in named}
    covariates = pd.concat([part.covariates for part in parts], ignore_index=True)
    return replace(parts[0], covariates=covariates, **arrays)

"""Every spell and every flow table enters the estimators here, checked by ``gate``, as arrays.

A moment is a (time, step): a child's k-th transition of a day is step k of that day. Who enters at a
moment is at risk from the next one; who leaves at a moment was at risk at it. Step ``END`` follows the
last step of its day: censoring happens there, and data from elsewhere, in (start, stop], enter there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError
from tracker.estimate.gate import (
    require_columns,
    require_order,
    require_times,
    states_of,
    steps_of,
    transitions_of,
    weights_of,
)
from tracker.estimate.results import About

END = 32_767
"""The step after the last of a day."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MANY = 1e6
"""More combinations of categories than this are sorted rather than laid out."""

ENTERED, TRANSITION, CENSORED = "entered", "transition", "censored"
"""The kinds of flow, as in the column ``flow`` of a flow table."""


@dataclass(frozen=True)
class Moments:
    """The moments at which anything happens, in order."""

    time: Floats
    step: Ints

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class RiskSets:
    """Counts by stratum (G), moment (T) and state (H) or transition (M).

    ``at_risk`` [G, T, H]: in the state just before the moment. ``moved`` [G, T, M]: transitions at it.
    ``entered`` [G, T, H]: came into the state at it, by a transition or from outside. ``censored`` [G, T, H].
    ``transitions`` are pairs of state numbers; ``strata`` has a row for each stratum (no columns: one
    stratum). Counts are whole numbers unless the data were weighted.
    """

    strata: pd.DataFrame
    states: tuple[str, ...]
    transitions: tuple[tuple[int, int], ...]
    moments: Moments
    at_risk: Floats
    moved: Floats
    entered: Floats
    censored: Floats
    about: About = field(default_factory=About)

    def state(self, name: str) -> int:
        """Number of a state; raises EstimateError when there is none of that name."""
        return number_of(self.states, name)

    def named(self, transition: int) -> tuple[str, str]:
        """The states a transition goes from and to."""
        source, target = self.transitions[transition]
        return self.states[source], self.states[target]

    def pooled(self) -> RiskSets:
        """All strata as one; none stay none."""
        if not len(self.strata):
            return replace(self, strata=self.strata.iloc[:, :0])
        summed = {
            name: getattr(self, name).sum(0, keepdims=True)
            for name in ("at_risk", "moved", "entered", "censored")
        }
        return replace(self, strata=self.strata.iloc[:1, :0], **summed)


@dataclass(frozen=True)
class Stays:
    """Spells on one clock as arrays, a row for each (N): what needs persons is computed from these.

    ``subject`` numbers the children (or child × municipality) from 0; ``stratum`` indexes ``strata``;
    ``entered`` and ``left`` index ``moments``: a spell is at risk at moment m when entered < m <= left.
    ``to`` is the state it left to, −1 when censored. ``covariates`` has the other columns asked for.
    """

    strata: pd.DataFrame
    states: tuple[str, ...]
    transitions: tuple[tuple[int, int], ...]
    moments: Moments
    subject: Ints
    stratum: Ints
    state: Ints
    entered: Ints
    left: Ints
    to: Ints
    weight: Floats
    covariates: pd.DataFrame
    about: About = field(default_factory=About)

    def __len__(self) -> int:
        return len(self.subject)


def flow_counts(
    table: pd.DataFrame,
    strata: Sequence[str] = (),
    *,
    states: Sequence[str] | None = None,
    transitions: Sequence[tuple[str, str]] | None = None,
    about: About | None = None,
) -> RiskSets:
    """The risk sets of a flow table.

    ``table`` has the columns of ``strata``, ``state``, ``flow`` (entered, transition, censored),
    ``to_state`` (of a transition), ``day``, ``step`` and ``count``. Entered counts everyone who came into
    the state, by a transition or from outside. ``states`` and ``transitions`` are those allowed; left out,
    those that occur. An empty table gives no strata. Raises EstimateError when the table is impossible.
    """
    needed = [*strata, "state", "flow", "to_state", "day", "step", "count"]
    require_columns(table, needed)
    named = states_of(states, table["state"], table["to_state"])
    pairs = table.loc[table["flow"] == TRANSITION, ["state", "to_state"]]
    moves = transitions_of(named, transitions, pairs["state"], pairs["to_state"])
    require_times(table["day"], "day")
    groups, group = _strata(table, strata)
    moments, moment = _moments(table["day"].to_numpy(float), steps_of(table, "step", END))
    layout = _Layout(groups, named, moves, moments)
    state = _numbers(named, table["state"])
    count = table["count"].to_numpy(float)
    if not np.all((count >= 0) & (count < np.inf)):
        raise EstimateError(
            "A flow table holds counts of zero or more; found negative, infinite or missing ones."
        )
    flow = table["flow"].to_numpy(object)
    came, went, stopped = (flow == kind for kind in (ENTERED, TRANSITION, CENSORED))
    if not np.all(came | went | stopped):
        raise EstimateError(f"Flows are {ENTERED}, {TRANSITION} or {CENSORED}; found others in «flow».")
    target = np.full(len(table), -1, np.int64)
    target[went] = _numbers(named, table.loc[went, "to_state"])
    entered = layout.by_state(group[came], moment[came], state[came], count[came])
    ends = (state[went], target[went])
    moved = layout.by_transition(group[went], moment[went], ends, count[went])
    censored = layout.by_state(group[stopped], moment[stopped], state[stopped], count[stopped])
    return layout.risk_sets(entered, moved, censored, about)


def spells_as_stays(
    spells: pd.DataFrame,
    *,
    subject: str = "subject_id",
    state: str = "state",
    to_state: str = "to_state",
    entered: str = "entered",
    left: str = "left",
    entered_step: str | None = None,
    left_step: str | None = None,
    strata: Sequence[str] = (),
    covariates: Sequence[str] = (),
    weight: str | None = None,
    states: Sequence[str] | None = None,
    transitions: Sequence[tuple[str, str]] | None = None,
    about: About | None = None,
) -> Stays:
    """Spells, each a row with times in the columns named, as arrays.

    Without steps a spell is (entered, left]: at risk after its entry, up to and including its end. A
    missing ``to_state`` is censoring, after the last step of its day. Raises EstimateError for missing or
    negative times and weights, ends before entries, missing subjects, unknown states and transitions not
    allowed.
    """
    require_columns(
        spells,
        [subject, state, to_state, entered, left, *strata, *covariates]
        + [name for name in (entered_step, left_step, weight) if name],
    )
    for name in (entered, left):
        require_times(spells[name], name)
    if nobodies := int(spells[subject].isna().sum()):
        raise EstimateError(f"Every spell is somebody's: «{subject}» is missing in {nobodies} rows.")
    named = states_of(states, spells[state], spells[to_state])
    went = spells[to_state].notna().to_numpy()
    moves = transitions_of(named, transitions, spells.loc[went, state], spells.loc[went, to_state])
    first = steps_of(spells, entered_step, END) if entered_step else np.full(len(spells), END, np.int64)
    last = np.full(len(spells), END, np.int64)
    last[went] = steps_of(spells[went], left_step, END) if left_step else 1
    start, stop = spells[entered].to_numpy(float), spells[left].to_numpy(float)
    require_order(start, stop, first, last)
    groups, group = _strata(spells, strata)
    both, position = _moments(np.concatenate([start, stop]), np.concatenate([first, last]))
    target = np.full(len(spells), -1, np.int64)
    target[went] = _numbers(named, spells.loc[went, to_state])
    return Stays(
        groups,
        named,
        moves,
        both,
        pd.factorize(spells[subject])[0].astype(np.int64),
        group,
        _numbers(named, spells[state]),
        position[: len(spells)],
        position[len(spells) :],
        target,
        weights_of(spells[weight], weight) if weight else np.ones(len(spells)),
        spells[list(covariates)].reset_index(drop=True),
        about or About(),
    )


def count(stays: Stays) -> RiskSets:
    """The risk sets of spells: the same counts a flow table of them would hold."""
    layout = _Layout(stays.strata, stays.states, stays.transitions, stays.moments)
    went = stays.to >= 0
    entered = layout.by_state(stays.stratum, stays.entered, stays.state, stays.weight)
    ends = (stays.state[went], stays.to[went])
    moved = layout.by_transition(stays.stratum[went], stays.left[went], ends, stays.weight[went])
    stopped = ~went
    censored = layout.by_state(
        stays.stratum[stopped], stays.left[stopped], stays.state[stopped], stays.weight[stopped]
    )
    return layout.risk_sets(entered, moved, censored, stays.about)


@dataclass(frozen=True)
class _Layout:
    """What the axes of the arrays stand for; adds counts up into them."""

    strata: pd.DataFrame
    states: tuple[str, ...]
    transitions: tuple[tuple[int, int], ...]
    moments: Moments

    def by_state(self, group: Ints, moment: Ints, state: Ints, weight: Floats) -> Floats:
        return self._add(group, moment, state, weight, len(self.states))

    def by_transition(self, group: Ints, moment: Ints, ends: tuple[Ints, Ints], weight: Floats) -> Floats:
        move = _pair_numbers(self.transitions, *ends)
        return self._add(group, moment, move, weight, len(self.transitions))

    def _add(self, group: Ints, moment: Ints, column: Ints, weight: Floats, width: int) -> Floats:
        shape = (len(self.strata), len(self.moments), width)
        flat = (group * shape[1] + moment) * width + column
        added: Floats = np.bincount(flat, weight, int(np.prod(shape))).astype(np.float64)
        return added.reshape(shape)

    def risk_sets(self, entered: Floats, moved: Floats, censored: Floats, about: About | None) -> RiskSets:
        departed = censored.copy()
        for number, (source, _) in enumerate(self.transitions):
            departed[:, :, source] += moved[:, :, number]
        after = np.cumsum(entered - departed, axis=1)
        at_risk = np.concatenate([np.zeros_like(after[:, :1]), after[:, :-1]], axis=1)
        self._check_balance(at_risk - departed)
        return RiskSets(
            **vars(self),
            at_risk=at_risk,
            moved=moved,
            entered=entered,
            censored=censored,
            about=about or About(),
        )

    def _check_balance(self, remaining: Floats) -> None:
        tolerance = 1e-9 * max(1.0, float(np.abs(remaining).max(initial=0)))
        if np.all(remaining >= -tolerance):
            return
        group, moment, state = np.argwhere(remaining < -tolerance)[0]
        raise EstimateError(
            f"More leave «{self.states[state]}» than are in it: first at time {self.moments.time[moment]:g}"
            f"{where(self.strata, int(group))}. A spell is missing its entry, or ends before it begins."
        )


def where(groups: pd.DataFrame, group: int) -> str:
    """Which stratum, at the end of a sentence; nothing when there is only one."""
    named = ", ".join(f"{name} {value}" for name, value in groups.iloc[group].items())
    return f", in stratum {named}" if named else ""


def _numbers(states: tuple[str, ...], names: pd.Series) -> Ints:
    index = pd.Index(states)
    numbers: Ints = index.get_indexer(pd.Index(names)).astype(np.int64)
    if (numbers < 0).any():
        raise EstimateError("Every spell has a state; some rows have none.")
    return numbers


def _pair_numbers(moves: tuple[tuple[int, int], ...], sources: Ints, targets: Ints) -> Ints:
    width = 1 + max((max(pair) for pair in moves), default=0)
    lookup = np.full(width * width, -1, np.int64)
    for number, (source, target) in enumerate(moves):
        lookup[source * width + target] = number
    found: Ints = lookup[sources * width + targets]
    return found


def number_of(states: tuple[str, ...], name: str) -> int:
    """Number of a state; raises EstimateError when there is none of that name."""
    if name not in states:
        raise EstimateError(
            f"There is no state «{name}» here; there are {', '.join(states) or 'none at all'}."
        )
    return states.index(name)


def _strata(frame: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, Ints]:
    if not names:
        return pd.DataFrame(index=range(min(len(frame), 1))), np.zeros(len(frame), np.int64)
    group = _group_numbers([frame[name] for name in names])
    first = np.full(int(group.max(initial=-1)) + 1, -1, np.int64)
    first[group[::-1]] = np.arange(len(frame) - 1, -1, -1)
    return frame.iloc[first][list(names)].reset_index(drop=True), group


def _group_numbers(columns: Sequence[pd.Series]) -> Ints:
    """The number of each row's combination of values, in order of the values, missing ones last."""
    widths = [len(column.cat.categories) + 1 for column in columns if hasattr(column, "cat")]
    numbers: Ints
    if len(widths) < len(columns) or np.prod(widths, dtype=float) > MANY:
        grouped = columns[0].groupby(list(columns), dropna=False, sort=True, observed=True)
        numbers = grouped.ngroup().to_numpy().astype(np.int64)
        return numbers
    combined = np.zeros(len(columns[0]), np.int64)
    for column, width in zip(columns, widths, strict=True):
        codes = column.cat.codes.to_numpy()
        combined = combined * width + np.where(codes < 0, width - 1, codes)
    numbers = np.cumsum(np.bincount(combined) > 0) - 1
    return numbers[combined]


def _moments(time: Floats, step: Ints) -> tuple[Moments, Ints]:
    """The distinct moments in order, and the number of each row's."""
    at, times = _ranked(time)
    within, steps = _ranked(step)
    code = at.astype(np.int64) * max(len(steps), 1) + within
    present = np.zeros(len(times) * len(steps), bool)
    present[code] = True
    number = np.cumsum(present) - 1
    found = np.flatnonzero(present)
    moments = Moments(
        np.asarray(times, float)[found // max(len(steps), 1)],
        np.asarray(steps, np.int64)[found % max(len(steps), 1)],
    )
    return moments, number[code]


def _ranked(values: Floats | Ints) -> tuple[Ints, Floats | Ints]:
    """Each value's number among the distinct ones, and those in order; whole numbers are not sorted."""
    whole = values.astype(np.int64)
    if not len(whole) or whole.min() < 0 or whole.max() > MANY or np.any(whole != values):
        numbers, distinct = pd.factorize(values, sort=True)
        return numbers.astype(np.int64), np.asarray(distinct, float)
    seen = np.bincount(whole) > 0
    return (np.cumsum(seen) - 1)[whole], np.flatnonzero(seen)


def require_someone(at_risk: Floats, groups: pd.DataFrame) -> None:
    """Raise EstimateError for a stratum in which nobody is ever at risk."""
    empty = np.flatnonzero(at_risk.sum(axis=tuple(range(1, at_risk.ndim))) == 0)
    if empty.size:
        raise EstimateError(f"Nobody is ever at risk{where(groups, int(empty[0]))}.")

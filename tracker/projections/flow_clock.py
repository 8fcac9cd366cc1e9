"""When a stay is entered and left, on each clock: a day since the clock's origin and a step of that day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import ibis
import ibis.expr.types as ir

from tracker.domain.chain import CLOSED

END = 32_767
"""The step after the last of a day: censoring, and the entry of the later piece of a stay broken in two."""

EPOCH = date(1970, 1, 1)

CENSORING = ("censored", "coverage", "moved")
"""The exits that end the observation of a child and not its stay; dying and growing up are transitions."""


class Clock(StrEnum):
    """What the days of a flow table are counted from.

    ``entry``: the day the child entered the cohort (column ``origin_on``); its episodes go on from there.
    ``episode``: the first referral of the episode, which ends when the last open thing closes: ``closed`` is
    where it ends, so stays in ``closed`` are left out. ``state``: the day the state was entered, seen or not.
    ``age``: the first day of the month of birth (column ``birth_month``). ``calendar``: 1 January 1970.
    """

    ENTRY = "entry"
    EPISODE = "episode"
    STATE = "state"
    AGE = "age"
    CALENDAR = "calendar"


ORIGIN_COLUMN = {
    Clock.ENTRY: "origin_on",
    Clock.EPISODE: "episode_entered_on",
    Clock.STATE: "state_entered_on",
    Clock.AGE: "birth_month",
}
"""The column of spells that each clock starts at; the calendar needs none."""


@dataclass(frozen=True)
class Moments:
    """Of each stay as Ibis columns: the moment it is entered and left, and where it is left to (or null)."""

    entered_day: ir.Value
    entered_step: ir.Value
    left_day: ir.Value
    left_step: ir.Value
    to_state: ir.Value


def on_clock(spells: ir.Table, clock: Clock) -> ir.Table:
    """The stays that the clock counts: all, but on the clock of the episode none in ``closed``."""
    return spells.filter(spells.state != CLOSED) if clock is Clock.EPISODE else spells


def moments(spells: ir.Table, clock: Clock, censored_by: Collection[str] = CENSORING) -> Moments:
    """Days are int32 and steps int16. A stay whose exit is in ``censored_by`` is left at ``END``.

    Since a state was entered a day has one step: every transition of a day is step 1, every entry step 0.
    """
    goes = spells.to_state.notnull() & ~spells.exit.isin(list(censored_by))
    entered_step, left_step = spells.entered_step, spells.left_step
    if clock is Clock.STATE:
        entered_step = ibis.cases((spells.entered_step == END, _step(END)), else_=_step(0))
        left_step = _step(1)
    return Moments(
        days_since_origin(spells.entered_on, spells, clock),
        entered_step.cast("int16"),
        days_since_origin(spells.left_on, spells, clock),
        ibis.cases((goes, left_step.cast("int16")), else_=_step(END)),
        ibis.cases((goes, spells.to_state), else_=ibis.null("string")),
    )


def days_since_origin(on: ir.DateValue, spells: ir.Table, clock: Clock) -> ir.Value:
    """Whole days from the clock's origin to ``on``."""
    column = ORIGIN_COLUMN.get(clock)
    origin = spells[column] if column else ibis.literal(EPOCH)
    return on.delta(origin, unit="day").cast("int32")


def _step(number: int) -> ir.Value:
    return ibis.literal(number, "int16")

"""Stays broken in two where a covariate changes, so that each piece has one value of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from tracker.domain.errors import UsageError
from tracker.projections.flow_clock import END

CENSORED_EXIT = "censored"
"""The exit of a piece whose stay goes on."""


@dataclass(frozen=True)
class Piece:
    """From the day ``on`` (a date, or a date column of the spells) the covariate is ``label``."""

    on: date | ir.DateValue
    label: str


def in_pieces(spells: ir.Table, name: str, before: str, pieces: Sequence[Piece]) -> ir.Table:
    """The spells with the text column ``name``: ``before``, then the label of each piece from its day on.

    ``pieces`` are in the order of their days. A spell that spans a day is broken: the earlier piece is
    censored at the end of the day before, where the later enters (step ``END`` of that day, so that it
    is at risk of all that happens on the day itself). Where a day is unknown the covariate is null. Raises
    UsageError for dates out of order or a name already there.
    """
    _require(spells, name, pieces)
    days = [piece.on for piece in pieces]
    unknown = reduce(or_, (_is_unknown(day) for day in days), ibis.literal(False))
    spans = zip([None, *days], [*days, None], [before, *(piece.label for piece in pieces)], strict=True)
    known = spells.filter(~unknown)
    parts = [_within(known, first, end).mutate(**{name: ibis.literal(label)}) for first, end, label in spans]
    return ibis.union(*parts, spells.filter(unknown).mutate(**{name: ibis.null("string")}))


def birthdays(spells: ir.Table, ages: Sequence[int], born: str = "birth_month") -> list[Piece]:
    """Pieces from the day a child reaches each age, labelled by the age; ``born`` is a date column."""
    return [Piece(_plain_date(spells[born] + ibis.interval(years=age)), str(age)) for age in ages]


def _require(spells: ir.Table, name: str, pieces: Sequence[Piece]) -> None:
    if name in spells.columns:
        raise UsageError(f"The spells have a column «{name}» already.")
    if not pieces:
        raise UsageError(f"Without a day nothing breaks stays into pieces of «{name}».")
    fixed = [piece.on for piece in pieces if isinstance(piece.on, date)]
    if sorted(set(fixed)) != fixed:
        raise UsageError(f"The days that break stays into pieces of «{name}» come in order.")


def _is_unknown(day: date | ir.DateValue) -> ir.BooleanValue:
    return ibis.literal(False) if isinstance(day, date) else day.isnull()


def _within(spells: ir.Table, first: date | ir.DateValue | None, end: date | ir.DateValue | None) -> ir.Table:
    """The part of each spell from the day ``first`` up to the day before ``end``, where there is one."""
    part = spells
    if end is not None:
        # Entered at the end of a day is at risk from the next.
        part = part.filter(
            (part.entered_on < end) & ~((part.entered_step == END) & (part.entered_on == _day_before(end)))
        )
        goes_on = part.left_on >= end
        part = part.mutate(
            left_on=ibis.cases((goes_on, _day_before(end)), else_=part.left_on),
            left_step=ibis.cases((goes_on, ibis.null("int16")), else_=part.left_step),
            to_state=ibis.cases((goes_on, ibis.null("string")), else_=part.to_state),
            exit=ibis.cases((goes_on, CENSORED_EXIT), else_=part.exit),
        )
    if first is not None:
        part = part.filter(part.left_on >= first)
        earlier = part.entered_on < first
        part = part.mutate(
            entered_on=ibis.cases((earlier, _day_before(first)), else_=part.entered_on),
            entered_step=ibis.cases((earlier, ibis.literal(END, "int16")), else_=part.entered_step),
        )
    return part


def _day_before(day: date | ir.DateValue) -> ir.DateValue:
    if isinstance(day, date):
        return ibis.literal(day - timedelta(days=1))
    return _plain_date(day - ibis.interval(days=1))


def _plain_date(day: ir.Value) -> ir.DateValue:
    """Engines make a timestamp of a date and an interval, though Ibis thinks it a date."""
    return day.cast("timestamp").cast("date")

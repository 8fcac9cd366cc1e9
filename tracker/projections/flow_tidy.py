"""The tidy table of a flow summary: one row for each group, block, step, class and unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.projections import flow_words as words
from tracker.projections.flow_counts import Patterns, Sums
from tracker.projections.flow_groups import TOTAL
from tracker.projections.flow_levels import LINKABLE, Block
from tracker.projections.flow_lines import (
    FIRST_SORTING,
    ORDER,
    RECEIVED,
    UNITS,
    Line,
    Share,
    clock_lines,
    investigation_lines,
    main_unit,
    referral_lines,
    returned_lines,
    unfollowed_lines,
)
from tracker.projections.flow_steps import CLOCK_4_MONTHS, CLOCK_14_DAYS
from tracker.projections.intervals import Floats, clustered, wilson

VALUE, NOT_DELIVERED, TOO_RECENT, NOT_APPLICABLE = "value", "not_delivered", "too_recent", "not_applicable"

CLUSTERED = "wilson at effective size, variance clustered on child"
UNCLUSTERED = "wilson, rows without child id taken as independent"

INTEGERS = (
    "count",
    "children",
    "numerator_step",
    "denominator_step",
    "numerator_start",
    "denominator_start",
    "completed",
)

Arrays = dict[str, NDArray[Any]]
Medians = Mapping[tuple[str, str], pd.DataFrame]


def tidy(blocks: Sequence[Block], by: Sequence[str]) -> pd.DataFrame:
    """All blocks in one table: the cohort first, then each breakdown, linkable before unlinkable.

    Within a block groups come in order, and each group's steps in the order they are told. A variable
    a block is not broken down by is ``all``.
    """
    table = pd.concat([_block_frame(block, by) for block in blocks], ignore_index=True)
    return table.astype(dict.fromkeys(INTEGERS, "Int64"))[[*by, *_COLUMNS]]


_COLUMNS = (
    *("block", "step", "class", "label_sv", "unit", "count", "children", "status"),
    *("numerator_step", "denominator_step", "denominator_step_name"),
    *("share_step", "share_step_low", "share_step_high", "status_step"),
    *("numerator_start", "denominator_start", "denominator_start_name"),
    *("share_start", "share_start_low", "share_start_high", "status_start"),
    *("interval_method", "denominator_definition"),
    *("median_days_among_completed", "completed", "days_counted"),
)


def _block_frame(block: Block, by: Sequence[str]) -> pd.DataFrame:
    """The rows of one block; what is the same in every group is said once a line and repeated."""
    lines = sorted(_block_lines(block), key=lambda pair: _place(pair[0]))
    medians: Medians = {(str(s), str(c)): part for (s, c), part in _by_step(block.medians)}
    told = pd.DataFrame([_said(block, line) for line, _ in lines])
    counted = [_counted(block, patterns, line, medians) for line, patterns in lines]
    size = len(block.keys)
    frame = told.take(np.tile(np.arange(len(lines)), size)).reset_index(drop=True)
    for name in counted[0]:
        frame[name] = np.stack([columns[name] for columns in counted], axis=1).ravel()
    for name in by:
        frame[name] = np.repeat(block.keys[name].to_numpy(), len(lines)) if name in block.by else TOTAL
    return frame


def _by_step(medians: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    yield from medians.groupby(["step", "class"])


def _place(line: Line) -> tuple[int, int]:
    return ORDER.index(line.step), UNITS.index(line.unit)


def _block_lines(block: Block) -> Iterator[tuple[Line, Patterns]]:
    """Every line of a block, with the patterns it is counted from."""
    yield from ((line, block.clock_14_days) for line in clock_lines(CLOCK_14_DAYS, "referrals"))
    if block.investigations is None or block.clock_4_months is None or block.returned is None:
        sorting = (line for line in referral_lines("referrals") if line.step in FIRST_SORTING)
        yield from ((line, block.referrals) for line in (*sorting, *unfollowed_lines()))
        return
    for unit in ("referrals", "children"):
        yield from ((line, block.referrals) for line in referral_lines(unit))
    yield from ((line, block.investigations) for line in investigation_lines())
    yield from ((line, block.clock_4_months) for line in clock_lines(CLOCK_4_MONTHS, "investigations"))
    yield from ((line, block.returned) for line in returned_lines())


def _applies(block: Block, line: Line) -> bool:
    """Nothing after the first sorting can be counted without a child id."""
    return block.name == LINKABLE or line.step in FIRST_SORTING


def _said(block: Block, line: Line) -> dict[str, str]:
    """The words of a line."""
    method = CLUSTERED if block.name == LINKABLE else UNCLUSTERED
    return {
        "block": block.name,
        "step": line.step,
        "class": line.name,
        "label_sv": words.label(line.step, line.name),
        "unit": line.unit,
        "status": VALUE if _applies(block, line) else NOT_APPLICABLE,
        "denominator_step_name": words.step_denominator(line.step, line.unit) if line.before else "",
        "denominator_start_name": words.start_denominator(line.step, line.unit) if line.start else "",
        "interval_method": method if line.before else "",
        "denominator_definition": words.KNOWN_DEFINITION if line.before else words.LEFT_OUT_DEFINITION,
        "days_counted": words.DAYS.get(line.step, "") if line.unit == main_unit(line.step) else "",
    }


def _counted(block: Block, patterns: Patterns, line: Line, medians: Medians) -> Arrays:
    """The figures of a line, one a group."""
    distinct = line.unit == "children"
    nothing = np.full(len(block.keys), np.nan)
    count, children = patterns.count(line.counted, distinct), patterns.count(line.counted, distinct=True)
    return (
        {
            "count": count if _applies(block, line) else nothing,
            "children": children if block.name == LINKABLE else nothing,
        }
        | _share(block, patterns, line.before, "step", distinct)
        | _share(block, patterns, line.start, "start", distinct)
        | _days(block, line, medians)
    )


def _share(block: Block, patterns: Patterns, share: Share | None, which: str, distinct: bool) -> Arrays:
    """Numerator, denominator, share, limits and status of one of a line's two shares."""
    names = [name.format(which) for name in ("numerator_{}", "denominator_{}", "share_{}")]
    names += [f"share_{which}_low", f"share_{which}_high", f"status_{which}"]
    if share is None:
        nothing = np.full(len(block.keys), np.nan)
        return dict.fromkeys(names, nothing) | {names[-1]: np.full(len(block.keys), NOT_APPLICABLE)}
    sums = patterns.sums(share.numerator, share.denominator, distinct)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = sums.y / sums.x
    low, high = _clustered(sums) if block.name == LINKABLE else wilson(ratio, sums.x)
    status = _share_status(patterns, share, sums.x, distinct)
    return dict(zip(names, (sums.y, sums.x, ratio, low, high, status), strict=True))


def _clustered(sums: Sums) -> tuple[Floats, Floats]:
    return clustered(sums.y, sums.x, (sums.yy, sums.xy, sums.xx), sums.children_x)


def _share_status(patterns: Patterns, share: Share, denominator: Floats, distinct: bool) -> NDArray[np.str_]:
    """Why there is no share where there is none: nobody arrived, too early to know, or not delivered."""
    arrived, pending = patterns.count(share.arrived, distinct), patterns.count(share.pending, distinct)
    missing = np.where(arrived == 0, NOT_APPLICABLE, np.where(pending > 0, TOO_RECENT, NOT_DELIVERED))
    return np.where(denominator > 0, VALUE, missing)


def _days(block: Block, line: Line, medians: Medians) -> Arrays:
    """The median of the line's own days, given once: in the unit the step is told in."""
    wanted = ("investigation", "") if line.step == RECEIVED else (line.step, line.name)
    if wanted not in medians or line.unit != main_unit(line.step):
        nothing = np.full(len(block.keys), np.nan)
        return {"median_days_among_completed": nothing, "completed": nothing}
    found = medians[wanted]
    frame = block.keys.merge(found, on=list(block.by), how="left") if block.by else found
    return {
        "median_days_among_completed": frame["median"].to_numpy(dtype=float),
        "completed": frame["completed"].fillna(0).to_numpy(dtype=float),
    }

"""The municipality's own flow beside the group's; of the group only what rests on enough of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from tracker.publish.cells import scalar
from tracker.publish.feedback_book import Book, Cell, Heading, table_sheet
from tracker.publish.feedback_content import Feedback

SHEET = "Ert flöde"
LEAST_CHILDREN = 10
LEAST_MUNICIPALITIES = 5
"""A group figure is shown from this many children in this many municipalities."""

_KEY = ("block", "step", "class", "unit", "label_sv")
_UNITS = {"referrals": "aktualiseringar", "investigations": "utredningar", "children": "barn"}
_BLOCKS = {"linkable": "barn med id", "unlinkable": "rader utan id"}
_STATUS = {
    "not_delivered": "ej levererat",
    "too_recent": "för nytt för att veta",
    "suppressed": "döljs",
    "not_applicable": "–",
}
_NOT_SHOWN = "visas inte"

_HEADINGS = (
    Heading("Steg", 40),
    Heading("Räknas i", 17),
    Heading("Underlag", 14),
    *(
        Heading(title, 14, "number_header")
        for title in (
            "Ert antal",
            "Er andel av steget före",
            "Er andel av starten",
            "Era dagar (median bland avslutade)",
            "Gruppens andel av steget före",
            "Gruppens andel av starten",
            "Gruppens dagar (median bland avslutade)",
            "Kommuner i gruppen",
        )
    ),
)

_ABOUT = (
    "Ert flöde, från aktualisering till återkomst, med det ni har lämnat hittills. "
    "Gruppens siffror gäller alla kommuner tillsammans, i hela procent, och visas bara när de bygger på "
    f"minst {LEAST_CHILDREN} barn i minst {LEAST_MUNICIPALITIES} kommuner. "
    "«För nytt för att veta» är inget nej."
)
_NOTHING = "Flödet visas när uppgifter från er kommun är inlästa."


def write_flow(book: Book, feedback: Feedback) -> None:
    """Write the sheet ``Ert flöde``."""
    own = feedback.own_flow
    if own is None or own.empty:
        table_sheet(book, SHEET, _ABOUT, _HEADINGS, [[Cell(_NOTHING, "remark")]])
        return
    key = [name for name in _KEY if name in own.columns]
    group = _by_key(feedback.group_flow, key)
    rows = [_row(line, group.get(_key(line, key), {})) for line in own.to_dict("records")]
    table_sheet(book, SHEET, _ABOUT, _HEADINGS, rows)


def _key(line: Mapping[Hashable, Any], key: list[str]) -> tuple[str, ...]:
    return tuple(str(line.get(name, "")) for name in key)


def _by_key(frame: pd.DataFrame | None, key: list[str]) -> dict[tuple[str, ...], Mapping[Hashable, Any]]:
    """Group rows that may be shown, by what they count."""
    if frame is None:
        return {}
    return {_key(line, key): line for line in frame.to_dict("records") if may_be_shown(line)}


def may_be_shown(line: Mapping[Hashable, Any]) -> bool:
    """Whether a group row rests on enough children in enough municipalities; not known means no."""
    return _at_least(line.get("children"), LEAST_CHILDREN) and _at_least(
        line.get("municipalities"), LEAST_MUNICIPALITIES
    )


def _at_least(value: Any, least: int) -> bool:
    known = scalar(value)
    return isinstance(known, int | float) and known >= least


def _row(own: Mapping[Hashable, Any], group: Mapping[Hashable, Any]) -> list[Cell]:
    unit, block = str(own.get("unit", "")), str(own.get("block", ""))
    return [
        Cell(str(own["label_sv"])),
        Cell(_UNITS.get(unit, unit)),
        Cell(_BLOCKS.get(block, block)),
        _figure(own, "count", "status", "number"),
        _figure(own, "share_step", "status_step", "share"),
        _figure(own, "share_start", "status_start", "share"),
        _figure(own, "median_days_among_completed", "", "days"),
        *(_group_cells(group) if group else [Cell(_NOT_SHOWN, "absent")] * 4),
    ]


def _group_cells(group: Mapping[Hashable, Any]) -> list[Cell]:
    """Shares in whole per cent and whole days: coarse enough not to undo the limits by arithmetic."""
    return [
        _rounded(_figure(group, "share_step", "status_step", "whole_share"), 2),
        _rounded(_figure(group, "share_start", "status_start", "whole_share"), 2),
        _rounded(_figure(group, "median_days_among_completed", "", "number"), 0),
        _figure(group, "municipalities", "", "number"),
    ]


def _figure(line: Mapping[Hashable, Any], name: str, status: str, style: str) -> Cell:
    value = scalar(line.get(name))
    if isinstance(value, int | float) and str(line.get(status, "value")) == "value":
        return Cell(value, style)
    return Cell(_STATUS.get(str(line.get(status, "")), "–"), "absent")


def _rounded(cell: Cell, digits: int) -> Cell:
    return Cell(round(cell.value, digits), cell.style) if isinstance(cell.value, float) else cell

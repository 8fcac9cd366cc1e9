"""The tables of the flow page in Swedish: one a step, denominators named, each share with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tracker.projections.flow_levels import UNLINKABLE
from tracker.projections.flow_words import STEP_LABELS, UNIT_LABELS
from tracker.publish.flow_page_words import (
    DAYS_SV,
    RETURN_START_SV,
    START_DENOMINATORS_SV,
    STEP_DENOMINATORS_SV,
)
from tracker.publish.group_words import GROUPS_SV, level_sv
from tracker.publish.swedish import number

_COLUMNS = (
    *("klass", "enhet", "antal", "andel av steget (95 %)", "antal i steget", "andel av starten (95 %)"),
    *("antal av starten", "mediandagar bland avslutade"),
)
_NO_SHARE: Mapping[str, str] = {"not_delivered": "ej levererat"}


@dataclass(frozen=True)
class Section:
    """One table of the page: its heading, what its shares and days rest on, its rows."""

    heading: str
    note: str
    table: pd.DataFrame


def swedish_sections(table: pd.DataFrame, by: tuple[str, ...]) -> Iterator[Section]:
    """The rows somebody can be in, step by step; figures as a Swedish reader writes them.

    The English table with all its columns is what files hold.
    """
    counted = table[table["status"] == "value"]
    columns = [*(GROUPS_SV.get(name, name) for name in by), *_COLUMNS]
    for (block, step), rows in counted.groupby(["block", "step"], sort=False):
        heading = STEP_LABELS.get(str(step), "Inkommet") + (", utan barn-id" if block == UNLINKABLE else "")
        shown = [_row(row, by) for row in rows.to_dict("records")]
        units = list(rows["unit"].unique())
        yield Section(heading, _note(str(step), units), pd.DataFrame(shown, columns=columns))


def _note(step: str, units: list[str]) -> str:
    """Both denominators by name, and which days were counted."""
    said = []
    if step in STEP_DENOMINATORS_SV:
        starts = [f"{UNIT_LABELS[one]}: {_start(step, one)}" for one in units]
        said += [f"Andel av steget, nämnare: {STEP_DENOMINATORS_SV[step]}."]
        said += [f"Andel av starten, nämnare: {'; '.join(starts)}."] if step in DAYS_SV else []
    return " ".join([*said, f"Dagar: {DAYS_SV[step]}." if step in DAYS_SV else ""]).strip()


def _start(step: str, unit: str) -> str:
    return RETURN_START_SV if step == "returned" else START_DENOMINATORS_SV[unit]


def _row(row: Mapping[Any, Any], by: tuple[str, ...]) -> list[str]:
    median = row["median_days_among_completed"]
    return [
        *(level_sv(name, str(row[name])) for name in by),
        str(row["label_sv"]).removeprefix(f"{STEP_LABELS.get(row['step'], '')}: "),
        UNIT_LABELS[row["unit"]],
        number(int(row["count"])),
        *_share(row, "step"),
        *_share(row, "start"),
        "–" if pd.isna(median) else f"{_decimal(float(median))} (av {number(int(row['completed']))})",
    ]


def _share(row: Mapping[Any, Any], of: str) -> list[str]:
    """A share with its interval and the counts behind it; why there is none otherwise."""
    if row[f"status_{of}"] != "value":
        return [_NO_SHARE.get(row[f"status_{of}"], "–"), ""]
    share, low, high = (_decimal(100 * float(row[f"share_{of}{end}"])) for end in ("", "_low", "_high"))
    numerator, denominator = (number(int(row[f"{part}_{of}"])) for part in ("numerator", "denominator"))
    return [f"{share} % ({low}–{high})", f"{numerator} av {denominator}"]


def _decimal(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")

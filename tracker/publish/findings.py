"""What an analysis hands over to be published: sections of text, charts and the tables behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tracker.estimate.results import Method
from tracker.publish.chart_sheet import Chart
from tracker.publish.report import Definition


@dataclass(frozen=True)
class Table:
    """A tidy table. ``name`` is the stem of its files; the report shows its first ``shown`` rows; of none
    only where it is.

    ``columns`` are those the report shows (none: all); the files have every column and row.
    """

    name: str
    title: str
    frame: pd.DataFrame
    note: str = ""
    shown: int = 30
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the report: what was found on one question. ``text`` are paragraphs."""

    title: str
    text: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Findings:
    """The findings of an analysis; question, estimand, choices and limits stand in its README.

    ``brief`` are sentences for who reads nothing else. ``files`` are further files by name, each written by
    its function to the path it is given.
    """

    brief: tuple[str, ...]
    sections: tuple[Section, ...]
    definitions: tuple[Definition, ...] = ()
    denominators: tuple[Definition, ...] = ()
    methods: tuple[Method, ...] = ()
    files: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts, in order."""
        return tuple(chart for section in self.sections for chart in section.charts)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in order."""
        return tuple(table for section in self.sections for table in section.tables)


def share_said(row: Mapping[Any, Any], unit: str = " %") -> str:
    """An estimated share in per cent with its interval, where there is one."""
    estimate, *bounds = (100 * row[name] for name in ("estimate", "lower", "upper"))
    within = " ({:.1f}–{:.1f})".format(*bounds) if pd.notna(bounds).all() else ""
    return f"{estimate:.1f}{unit}{within}"

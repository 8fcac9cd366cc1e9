"""What commands print: tables for people, JSON for machines, progress on anything that takes time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

console = Console()
errors = Console(stderr=True)

SHORT, LONG, GAP = 14, 60, 2
"""Columns of at most SHORT characters are always shown whole; those above LONG are folded, others cut."""

NARROW, HEADING = 11, 4
"""What is left of a cut column, and of the heading of a short one, on a narrow terminal."""

__all__ = ["AsJson", "console", "errors", "escape", "print_rows", "progress_bar", "spinner"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]


def print_rows(
    rows: Sequence[Any], columns: Sequence[str], *, as_json: bool, empty: str, whole: Sequence[str] = ()
) -> None:
    """Print dataclasses or mappings as a table of ``columns``, ``whole`` ones uncut; or all as JSON."""
    if as_json:
        print_json([_plain(row) for row in rows])
        return
    if not rows:
        console.print(empty)
        return
    lines = [[_text(_plain(row).get(column)) for column in columns] for row in rows]
    console.print(_table(columns, lines, whole))


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]], whole: Sequence[str] = ()) -> Table:
    """Short columns whole; the others share what width is left, folded when they hold sentences."""
    widths = _widths(columns, lines)
    taken = sum(width + GAP for width in widths if width <= SHORT)
    long = sum(width > SHORT for width in widths)
    share = max(NARROW, (console.width - taken) // long - GAP) if long else 0
    table = Table(header_style="bold", box=None, pad_edge=False)
    for column, width, cells in zip(columns, widths, zip(*lines, strict=True), strict=True):
        folded = width > LONG or column in whole
        table.add_column(
            column,
            width=min(width, share) if width > SHORT else width,
            no_wrap=not folded,
            overflow="fold" if folded else "ellipsis",
            justify="right" if _are_numbers(cells) else "left",
        )
    for line in lines:
        table.add_row(*map(escape, line))
    return table


def _widths(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> list[int]:
    """As wide as heading and cells; where that leaves no room, headings of short columns are cut first."""
    cells = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    widths = [max(len(column), width) for column, width in zip(columns, cells, strict=True)]
    if sum(min(width, SHORT) + GAP for width in widths) <= console.width:
        return widths
    return [
        max(cell, min(width, HEADING)) if width <= SHORT else width
        for cell, width in zip(cells, widths, strict=True)
    ]


def _are_numbers(cells: Sequence[str]) -> bool:
    return all(cell == "" or cell.isdecimal() for cell in cells)


def print_json(value: Any) -> None:
    """Print JSON to standard output, nothing else."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_jsonable))


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error; call what it yields with a few words as each item is done."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), TextColumn("{task.fields[now]}"), console=errors
    ) as progress:
        task = progress.add_task(title, total=total, now="")
        yield lambda now: progress.update(task, advance=1, now=escape(now))


@contextmanager
def spinner(title: str) -> Iterator[Callable[[str], None]]:
    """A line on standard error with the step under way; call what it yields with the step's name."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(title, total=None)
        yield lambda step: progress.update(task, description=f"{title}: {escape(step)}")


def _plain(row: Any) -> Mapping[str, Any]:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else dict(row)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) <= 1 else f"{value:.1f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    return str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")

"""Cells of a table as plain Python values, as harmless text, and as a person reads them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from statistics import median
from typing import Any

import pandas as pd

Scalar = str | int | float | bool | date | None
"""A cell of an output table; times of day only where the source has them."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")
_NO_BREAK = "\u00a0"


def scalar(value: Any) -> Scalar:
    """A cell as a plain Python value: missing as None, midnight timestamps as dates, lists as ``a; b``."""
    plain: Any = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, list | tuple | set | frozenset):
        return "; ".join(map(str, plain))
    return None if pd.isna(plain) else _plain(plain)


def _plain(value: Any) -> Scalar:
    match value:
        case datetime():
            return _day_or_time(pd.Timestamp(value).to_pydatetime())
        case Decimal():
            return float(value)
        case bool() | int() | float() | date():
            return value
    return str(value)


def _day_or_time(moment: datetime) -> date:
    return moment.date() if moment.time() == datetime.min.time() else moment


def guarded(text: str) -> str:
    """``text`` made harmless in a spreadsheet: an apostrophe before what could start a formula.

    The starts are those of OWASP ASVS 5, requirement 1.2.10.
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def names_of(frame: pd.DataFrame) -> list[str]:
    """The column names as text."""
    return [str(name) for name in frame.columns]


def rows_of(frame: pd.DataFrame) -> list[list[Scalar]]:
    """The rows of a frame as plain values; the index is left out."""
    columns = [[scalar(value) for value in frame.iloc[:, i]] for i in range(frame.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def shown(value: Scalar, decimals: int = 1) -> str:
    """A cell for a reader: missing as ``–``, thousands grouped, fractions to ``decimals``."""
    match value:
        case None:
            return "–"
        case bool() | date():
            return str(value)
        case int():
            return _grouped(f"{value:,}")
        case float():
            return _grouped(f"{value:,.{decimals}f}")
    return value


def shown_rows(frame: pd.DataFrame) -> list[list[str]]:
    """The rows as a reader sees them; the figures of a column have the same number of decimals."""
    rows = rows_of(frame)
    decimals = [_decimals([row[column] for row in rows]) for column in range(frame.shape[1])]
    return [[shown(value, places) for value, places in zip(row, decimals, strict=True)] for row in rows]


def _decimals(column: list[Scalar]) -> int:
    """None for whole numbers, three for shares and where most are below one, one for the rest."""
    fractions = [value for value in column if isinstance(value, float)]
    if all(value.is_integer() for value in fractions):
        return 0
    return 3 if median(map(abs, fractions)) <= 1 else 1


def _grouped(figures: str) -> str:
    return figures.replace(",", _NO_BREAK)

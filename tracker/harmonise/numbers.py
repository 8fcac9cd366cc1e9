"""Cells as numbers and ids of the case system, or the problem with them."""

from __future__ import annotations

import re
from datetime import date
from math import isfinite

from tracker.domain.delivery import Cell
from tracker.harmonise.dates import Problem
from tracker.harmonise.shapes import shape, shown_number

_NUMBER = re.compile(r"([-+]?\d+)(?:[.,](\d+))?(?:\s*år)?")
_THOUSANDS = re.compile(r"(?<=\d)\s(?=\d{3}(?!\d))")
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_EXACT = 10**15  # above this a spreadsheet number has lost digits


def read_integer(cell: Cell) -> int | Problem:
    """A whole number: ``12``, ``12.0``, ``12,0``, ``1 234``, ``12 år``, ``-1``."""
    number = read_decimal(cell)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return Problem("unreadable", "ett heltal", shape(cell), "Skriv ett heltal med siffror, utan annan text.")


def read_decimal(cell: Cell) -> float | Problem:
    """A number with decimal comma or point, blanks between thousands allowed."""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and isfinite(cell):
        return float(cell)
    match = _NUMBER.fullmatch(_joined(cell)) if isinstance(cell, str) else None
    if match:
        return float(f"{match[1]}.{match[2] or 0}")
    return Problem("unreadable", "ett tal", shape(cell), "Skriv ett tal med siffror, till exempel 24,5.")


def _joined(text: str) -> str:
    return _THOUSANDS.sub("", " ".join(text.replace("−", "-").split()))


def read_source_id(cell: Cell) -> str | Problem:
    """An id of the case system as text; a problem where the spreadsheet has damaged it."""
    if isinstance(cell, str):
        text = cell.strip().lstrip("'")
        return _damaged(cell) if _SCIENTIFIC.fullmatch(text) else text
    if isinstance(cell, bool) or cell is None:
        return str(cell)
    if isinstance(cell, date) or abs(cell) >= _EXACT:
        return _damaged(cell)
    return shown_number(cell)


def read_source_ids(cell: Cell) -> tuple[str, ...] | Problem:
    """Several ids separated by comma or semicolon, in delivered order, each once."""
    if not isinstance(cell, str):
        single = read_source_id(cell)
        return single if isinstance(single, Problem) else (single,)
    read = [read_source_id(part) for part in re.split(r"[,;\n]", cell) if part.strip()]
    problem = next((part for part in read if isinstance(part, Problem)), None)
    return problem or tuple(dict.fromkeys(part for part in read if isinstance(part, str)))


def _damaged(cell: Cell) -> Problem:
    remedy = "Formatera kolumnen som text i uttaget, så att kalkylprogrammet inte räknar om id:t."
    return Problem("damaged", "ett id som text", shape(cell), remedy)

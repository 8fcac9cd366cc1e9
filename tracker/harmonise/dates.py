"""Cells as dates, months and years: what municipalities write, or the problem with it.

Day and month are never guessed. ``1/3 2023``, ``1/3-23`` and ``01.03.2023`` are Swedish ways of writing
with the day first; ``03/04/2023`` and ``03-04-2023`` are written both ways and are refused unless
only one reading is a date. Numbers 20000–60000 are Excel's day numbers (1900 system).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tracker.domain.delivery import Cell
from tracker.harmonise.shapes import shape

EARLIEST = date(1990, 1, 1)
"""No date of a delivery lies before this day; earlier ones are slips."""

LATEST = date(2099, 12, 31)

NOT_YET = "not_yet"
"""The kind of problem that is none: what stands there says that it has not happened yet."""

_EXCEL_DAY_ZERO = date(1899, 12, 30)
_FIRST_SERIAL, _LAST_SERIAL = 20000, 60000


@dataclass(frozen=True)
class Problem:
    """Why a cell could not be read; ``found`` is a shape or a part that says nothing of a person."""

    kind: str  # unreadable, ambiguous, out_of_range, damaged, too_long, not_yet
    expected: str
    found: str
    remedy: str


_MONTHS = {
    name: number
    for number, names in enumerate(
        ("januari jan", "februari feb", "mars mar", "april apr", "maj", "juni jun", "juli jul",
         "augusti aug", "september sep sept", "oktober okt", "november nov", "december dec"), start=1,
    )
    for name in names.split()
}  # fmt: skip

_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)  # as most are written, and quickest to read
_TIME = r"(?:[T ]\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_COMPACT = re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}})(?:\.0+)?{_TIME}")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})(?:\s+|\s*-\s*)(\d{4})")
_DAY_FIRST_SHORT = re.compile(r"(\d{1,2})/(\d{1,2})(?:\s*-\s*|\s+-?)(\d{2})")
_DOTTED = re.compile(rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}){_TIME}")
_NAMED = re.compile(r"(?:den\s+)?(\d{1,2})(?::?[ae])?[\s.-]*([a-z]+)\.?[\s-]*(\d{4})", re.IGNORECASE)
_EITHER_WAY = re.compile(rf"(\d{{1,2}})([-/])(\d{{1,2}})\2(\d{{4}}){_TIME}")
_SHORT_YEAR = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{2}|\d{6}")
_SERIAL = re.compile(r"(\d{5})(?:[.,]\d+)?")

_MONTH_FORMS = (
    (re.compile(r"(\d{4})[-/.\s](\d{1,2})"), 1, 2),
    (re.compile(r"(\d{4})(\d{2})"), 1, 2),
    (re.compile(r"([a-z]+)\.?[\s-]+(\d{4})", re.IGNORECASE), 2, 1),
    (re.compile(r"(\d{4})[\s-]+([a-z]+)\.?", re.IGNORECASE), 1, 2),
)

_DATE_EXPECTED = "ett datum, helst ÅÅÅÅ-MM-DD"
_DATE_REMEDY = "Skriv datumet som ÅÅÅÅ-MM-DD, till exempel 2023-03-01."
_NOT_YET_REMEDY = "Inget behöver göras. Cellen kan lämnas tom tills det finns ett slutdatum."


def read_date(cell: Cell, latest: date = LATEST) -> date | Problem:
    """The day in a cell (times of day are dropped), or the problem with it.

    ``latest`` is the last day thought possible. An empty cell is a problem here: callers decide
    beforehand whether empty is allowed.
    """
    found = _date(cell)
    return found if isinstance(found, Problem) else _in_range(found, latest)


def read_month(cell: Cell, latest: date = LATEST) -> date | Problem:
    """The first day of the month in a cell: ``2023-03``, ``202303``, ``mars 2023`` or any date in it."""
    text = _text(cell)
    for pattern, year, month in _MONTH_FORMS:
        if match := pattern.fullmatch(text):
            number = _month_number(match[month])
            first = _day(int(match[year]), number, 1) if number else None
            if first:
                return _in_range(first, latest)
    day = read_date(cell, latest)
    if isinstance(day, date):
        return day.replace(day=1)
    return Problem(
        day.kind, "en månad, ÅÅÅÅ-MM", day.found, "Skriv månaden som ÅÅÅÅ-MM, till exempel 2023-03."
    )


def read_year(cell: Cell, latest: date = LATEST) -> date | Problem:
    """The first of January of the year in a cell: ``2023``, or any date in it."""
    text = _text(cell)
    if re.fullmatch(r"[12]\d{3}", text):
        return _in_range(date(int(text), 1, 1), latest)
    day = read_date(cell, latest)
    if isinstance(day, date):
        return day.replace(month=1, day=1)
    return Problem(
        day.kind, "ett årtal, ÅÅÅÅ", day.found, "Skriv årtalet med fyra siffror, till exempel 2023."
    )


def read_end(cell: Cell, latest: date = LATEST, not_yet: frozenset[str] = frozenset()) -> date | Problem:
    """The day something ended; a problem of kind ``NOT_YET`` for what stands for «no end yet».

    ``not_yet`` holds the days (ISO) and words, as ``end_words`` folds them, that senders write there.
    """
    written = _date(cell)
    read = {_folded(_text(cell)), written.isoformat() if isinstance(written, date) else ""} & not_yet
    if read:
        return Problem(NOT_YET, "ett slutdatum eller en tom cell", read.pop(), _NOT_YET_REMEDY)
    return written if isinstance(written, Problem) else _in_range(written, latest)


def end_words(not_yet: Iterable[str]) -> frozenset[str]:
    """The words and days of a spec's ``not_yet`` as cells are compared with them."""
    return frozenset(map(_folded, not_yet))


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace(".", " ").split())


def _date(cell: Cell) -> date | Problem:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, bool) or cell is None:
        return _unreadable(cell)
    if isinstance(cell, float) and _FIRST_SERIAL <= cell <= _LAST_SERIAL:
        return _EXCEL_DAY_ZERO + timedelta(days=int(cell))
    return _written(_text(cell), cell)


def _text(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).replace("–", "-").split())


def _written(text: str, cell: Cell) -> date | Problem:
    if _ISO.fullmatch(text):
        return _iso_day(text) or _unreadable(cell)
    for pattern, year, month, day in _FORMS:
        if match := pattern.fullmatch(text):
            number = _month_number(match[month])
            found = _day(_century(match[year]), number, int(match[day])) if number else None
            return found or _unreadable(cell)
    if match := _EITHER_WAY.fullmatch(text):
        return _either_way(int(match[1]), int(match[3]), int(match[4]), cell)
    if (match := _SERIAL.fullmatch(text)) and _FIRST_SERIAL <= int(match[1]) <= _LAST_SERIAL:
        return _EXCEL_DAY_ZERO + timedelta(days=int(match[1]))
    return _ambiguous(cell) if _SHORT_YEAR.fullmatch(text) else _unreadable(cell)


_FORMS = (
    (_YEAR_FIRST, 1, 3, 4),
    (_COMPACT, 1, 2, 3),
    (_DAY_FIRST, 3, 2, 1),
    (_DAY_FIRST_SHORT, 3, 2, 1),
    (_DOTTED, 3, 2, 1),
    (_NAMED, 3, 2, 1),
)
"""Forms read in one way only, with the groups that hold year, month and day."""


def _month_number(text: str) -> int | None:
    if text.isdigit():
        return int(text) if 1 <= int(text) <= 12 else None
    return _MONTHS.get(text.casefold())


def _century(year: str) -> int:
    return int(year) if len(year) == 4 else 2000 + int(year) if int(year) < 90 else 1900 + int(year)


def _iso_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _either_way(first: int, second: int, year: int, cell: Cell) -> date | Problem:
    readings = {day for day in (_day(year, second, first), _day(year, first, second)) if day}
    if len(readings) > 1:
        return _ambiguous(cell)
    return readings.pop() if readings else _unreadable(cell)


def _in_range(day: date, latest: date) -> date | Problem:
    if EARLIEST <= day <= latest:
        return day
    return Problem(
        "out_of_range",
        f"ett datum från {EARLIEST.year} till och med {latest.isoformat()}",
        f"ett datum år {day.year}",
        "Kontrollera årtalet.",
    )


def _unreadable(cell: Cell) -> Problem:
    return Problem("unreadable", _DATE_EXPECTED, shape(cell), _DATE_REMEDY)


def _ambiguous(cell: Cell) -> Problem:
    remedy = f"Dag och månad går inte att skilja åt. {_DATE_REMEDY}"
    return Problem("ambiguous", _DATE_EXPECTED, shape(cell), remedy)

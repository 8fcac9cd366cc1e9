"""Period names: the period a file name speaks of, such as ``helår 2023`` or ``202301-202312``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import PurePath

from tracker.domain.periods import Period, add_months

_YEAR = r"(?<!\d)((?:19[5-9]|20[0-9])\d)"
_MONTH = r"(0[1-9]|1[0-2])"
_DAY = r"(0[1-9]|[12]\d|3[01])"
_TO = r"\s*(?:--?|_|–|—|till|tom|t\.o\.m\.?|\.\.)\s*"
_GAP = r"[\s_.-]*"


def _months(year: str, first: int, count: int) -> Period:
    start = date(int(year), first, 1)
    return Period(start, add_months(start, count) - timedelta(days=1))


def _parts_of_year(length: int) -> Callable[[str, str], Period]:
    return lambda part, year: _months(year, (int(part) - 1) * length + 1, length)


def _swapped(make: Callable[[str, str], Period]) -> Callable[[str, str], Period]:
    return lambda year, part: make(part, year)


def _days(*numbers: str) -> Period:
    y1, m1, d1, y2, m2, d2 = map(int, numbers)
    return Period(date(y1, m1, d1), date(y2, m2, d2))


def _month_span(y1: str, m1: str, y2: str, m2: str) -> Period:
    return Period(_months(y1, int(m1), 1).first, _months(y2, int(m2), 1).last)


_quarter, _third, _half = _parts_of_year(3), _parts_of_year(4), _parts_of_year(6)
_SEP = r"[-_.]?"
_PATTERNS: tuple[tuple[str, Callable[..., Period]], ...] = (
    (rf"{_YEAR}{_SEP}{_MONTH}{_SEP}{_DAY}{_TO}{_YEAR}{_SEP}{_MONTH}{_SEP}{_DAY}(?!\d)", _days),
    (rf"{_YEAR}{_SEP}{_MONTH}{_TO}{_YEAR}{_SEP}{_MONTH}(?!\d)", _month_span),
    (rf"(?:kvartal|kv|q){_GAP}([1-4]){_GAP}{_YEAR}(?!\d)", _quarter),
    (rf"{_YEAR}{_GAP}(?:kvartal|kv|q){_GAP}([1-4])(?!\d)", _swapped(_quarter)),
    (rf"(?:tertial|(?<![a-zåäö])t){_GAP}([1-3]){_GAP}{_YEAR}(?!\d)", _third),
    (rf"{_YEAR}{_GAP}(?:tertial|t){_GAP}([1-3])(?!\d)", _swapped(_third)),
    (rf"(?:halvår|halvar|(?<![a-zåäö])h){_GAP}([12]){_GAP}{_YEAR}(?!\d)", _half),
    (rf"{_YEAR}{_GAP}(?:halvår|halvar|h){_GAP}([12])(?!\d)", _swapped(_half)),
    (rf"{_YEAR}{_TO}{_YEAR}(?![\d.-]?\d)", lambda y1, y2: Period(date(int(y1), 1, 1), date(int(y2), 12, 31))),
    (rf"{_YEAR}-{_MONTH}(?![\d-])", lambda year, month: _months(year, int(month), 1)),
    (rf"{_YEAR}(?![\d]|[-.]\d)", lambda year: _months(year, 1, 12)),
)
_COMPILED = tuple((re.compile(pattern, re.I), make) for pattern, make in _PATTERNS)


def period_in(file_name: str) -> Period | None:
    """The period a file name states, or None; a single day (an export date) is no period."""
    stem = PurePath(file_name).stem
    for pattern, make in _COMPILED:
        match = pattern.search(stem)
        if match:
            try:
                return make(*match.groups())
            except ValueError:  # 31 February, or an end before its start
                return None
    return None

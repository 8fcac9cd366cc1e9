"""Shapes: what a cell looks like without saying what is in it, and what looks like a national id."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from tracker.domain.delivery import Cell

_PIECES = r"(\d\d)[\W_]{0,3}(\d\d)[\W_]{0,3}(\d\d)[\W_]{0,3}(\d{4})(?!\d|[-./]\d\d[-./]\d\d)"
"""Pairs of digits and four last; a day followed by another day (``2023-01-01 - 2023-12-31``) is none."""
_TEN = re.compile(rf"(?=(?<!\d){_PIECES})")
_TWELVE = re.compile(rf"(?=(?<!\d)(?:18|19|20)[\W_]{{0,3}}{_PIECES})")
_ALONE = re.compile(r"(?<!\d)(?:\d[\W_]{1,3}){9,}\d(?!\d)")
"""Digits that each stand alone: ``1 5 0 3 3 1 - 9 8 1 4``."""
_ENOUGH_DIGITS = re.compile(r"(?:\d[\W_]{0,3}){9}\d")
_SHORT = 24


def shape(cell: Cell) -> str:
    """The form of a cell in Swedish, with no digit or letter of it: ``9 siffror``, ``99/99/9999``."""
    match cell:
        case None:
            return "tom cell"
        case bool():
            return "sant/falskt"
        case int():
            return f"{len(str(abs(cell)))} siffror"
        case float():
            return f"{len(str(abs(int(cell))))} siffror" if cell.is_integer() else "ett decimaltal"
        case date():
            return "ett datum"
        case str():
            return _text_shape(cell.strip())


def _text_shape(text: str) -> str:
    if not text:
        return "tom cell"
    if text.isdigit():
        return f"{len(text)} siffror"
    if len(text) > _SHORT:
        return f"text, {len(text)} tecken"
    return re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", text))


def shown_number(number: float) -> str:
    """A number as Excel shows it in a cell of general format: ``1.0`` → ``1``."""
    return str(int(number)) if float(number).is_integer() else repr(number)


def as_shown(cell: Cell) -> str | None:
    """A cell as the delivered text, word for word; numbers as Excel shows them, blank as None."""
    if cell is None or isinstance(cell, str):
        return cell
    return cell.isoformat() if isinstance(cell, date) else shown_number(cell)


def holds_national_id(text: str) -> bool:
    """Whether something in the text looks like a personal identity or co-ordination number.

    Ten or twelve digits with any separators, a plausible date (day + 60 for co-ordination numbers)
    and the right check digit (modulus 10, folkbokföringslagen 1991:481, 18 §).
    """
    if not _ENOUGH_DIGITS.search(text):
        return False
    text = unicodedata.normalize("NFKC", text)
    candidates = [match.groups() for pattern in (_TEN, _TWELVE) for match in pattern.finditer(text)]
    candidates += [(d[:2], d[2:4], d[4:6], d[6:]) for d in _standing_alone(text)]
    return any(_plausible(*candidate) for candidate in candidates)


def _standing_alone(text: str) -> Iterator[str]:
    """The last ten of ten or twelve digits that each stand alone; a longer row of them is a list."""
    for match in _ALONE.finditer(text):
        digits = "".join(filter(str.isdigit, match[0]))
        if len(digits) == 10 or (len(digits) == 12 and digits[:2] in {"18", "19", "20"}):
            yield digits[-10:]


def _plausible(year: str, month: str, day: str, last: str) -> bool:
    digits = [int(digit) for digit in year + month + day + last]
    doubled = [digit * 2 if place % 2 == 0 else digit for place, digit in enumerate(digits)]
    checks = sum(product // 10 + product % 10 for product in doubled) % 10 == 0
    return checks and 1 <= int(month) <= 12 and 1 <= int(day) % 60 <= 31 and int(day) <= 91

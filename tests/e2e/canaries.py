"""Canaries: synthetic national ids, each planted in one place, and the search that must not find one.

Only serials 980–999 of Skatteverket's test series are used. Every number is planted once, so that a
leak names its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

_FIRST_BIRTH = date(2009, 2, 3)
_DAYS_APART = 13
_RUN = re.compile(r"\d[\d\s+\-–−_./:()'\"]{7,}\d")
_RUN_OF_BYTES = re.compile(rb"[0-9][0-9 +\-_./:]{7,}[0-9]")
_NOT_DIGITS = re.compile(r"\D")
_NOT_DIGITS_OF_BYTES = re.compile(rb"[^0-9]")


def check_digit(nine: str) -> int:
    """Modulus-10 check digit of YYMMDDNNN."""
    products = (int(digit) * (2, 1)[place % 2] for place, digit in enumerate(nine))
    return -sum(product // 10 + product % 10 for product in products) % 10


def number(born: date, serial: int, *, coordination: bool = False) -> str:
    """Twelve digits with a valid check digit; serials of the test series only."""
    assert 980 <= serial <= 999, "a number outside the test series may be somebody's"
    stem = f"{born.year:04d}{born.month:02d}{born.day + 60 * coordination:02d}{serial}"
    return f"{stem}{check_digit(stem[2:])}"


def twelve(digits: str, separator: str = "-") -> str:
    """``YYYYMMDD-NNNN``."""
    return f"{digits[:8]}{separator}{digits[8:]}"


def ten(digits: str, separator: str = "-") -> str:
    """``YYMMDD-NNNN``."""
    return f"{digits[2:8]}{separator}{digits[8:]}"


def full_width(text: str) -> str:
    """The text with the digits of East Asian typing."""
    return text.translate({ord("0") + n: 0xFF10 + n for n in range(10)})


@dataclass
class Canaries:
    """Numbers by the place each was planted, with other texts that must not be found either."""

    places: dict[str, str] = field(default_factory=dict)  # the last ten digits → place
    texts: dict[str, str] = field(default_factory=dict)  # exact text → place

    def new(self, place: str, *, born: date | None = None, coordination: bool = False) -> str:
        """A number never used before, remembered under its place."""
        count = len(self.places)
        day = born or _FIRST_BIRTH + timedelta(days=_DAYS_APART * count)
        digits = number(day, 980 + count % 20, coordination=coordination)
        assert digits[2:] not in self.places
        self.places[digits[2:]] = place
        return digits

    def text(self, text: str, place: str) -> str:
        """A text that must not be found: a damaged number, or free text about somebody."""
        self.texts[text] = place
        return text

    def in_text(self, text: str) -> set[str]:
        """Places of the canaries in a text, however their digits are set apart."""
        plain = unicodedata.normalize("NFKC", text)
        found = {place for given, place in self.texts.items() if given in text or given in plain}
        for run in _RUN.findall(plain):
            found |= set(self._in_digits(_NOT_DIGITS.sub("", run)))
        return found

    def in_bytes(self, content: bytes) -> set[str]:
        """Places of the canaries in raw bytes (UTF-8 or ASCII digits)."""
        found = {place for given, place in list(self.texts.items()) if given.encode() in content}
        for ten_digits, place in list(self.places.items()):
            if full_width(ten_digits).encode() in content:
                found.add(place)
        for run in _RUN_OF_BYTES.findall(content):
            found |= set(self._in_digits(_NOT_DIGITS_OF_BYTES.sub(b"", run).decode()))
        return found

    def _in_digits(self, digits: str) -> Iterator[str]:
        for at in range(len(digits) - 9):
            if place := self.places.get(digits[at : at + 10]):
                yield place

"""What a delivered child id is: a personal number, a co-ordination number, a local id, or broken.

A pure function of the cell and the day the file was extracted; today's date plays no part. Facts about
the numbers: Skatteverket, Rättslig vägledning (twelve digits, day + 60 in co-ordination numbers, serial
001–999, modulus-10 check digit, ``+`` from the year a person turns 100). Nothing damaged is repaired:
a guess could join two children.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from tracker.domain.delivery import Cell


class IdKind(StrEnum):
    """How far an identity reaches: numbers through the country, local ids within one system."""

    PNR = "pnr"  # personnummer
    SAM = "sam"  # samordningsnummer
    LOCAL = "local"


class Reason(StrEnum):
    """Why a cell is no identity; the texts for senders are in ``identity_rules``."""

    LOST_ZERO = "lost_zero"
    SCIENTIFIC = "scientific"
    DECIMALS = "decimals"
    APOSTROPHE = "apostrophe"
    READ_AS_DATE = "read_as_date"
    LENGTH = "length"
    NO_SUCH_DATE = "no_such_date"
    CENTURY = "century"
    FUTURE = "future"
    CHECK_DIGIT = "check_digit"
    SERIAL = "serial"
    INCOMPLETE = "incomplete"
    MIXED = "mixed"
    NO_DIGITS = "no_digits"


@dataclass(frozen=True, slots=True, repr=False)
class NationalId:
    """A valid number: ``digits`` are twelve, ``birth_date`` is what they say. ``repr`` hides both."""

    kind: IdKind
    digits: str
    birth_date: date

    def __repr__(self) -> str:
        return f"<NationalId {self.kind}>"


@dataclass(frozen=True, slots=True, repr=False)
class LocalId:
    """An id of a case system, canonical: NFKC, capitals, no blanks, one kind of dash. Hidden in ``repr``."""

    id: str

    def __repr__(self) -> str:
        return "<LocalId>"


@dataclass(frozen=True, slots=True)
class Invalid:
    """No usable identity: the reason, and the shape of what was found, never the value."""

    reason: Reason
    shape: str


Identity = NationalId | LocalId | Invalid

_PLAIN = re.compile(r"(\d{6}|\d{8})-?(\d{4})", re.ASCII)
_NUMBER = re.compile(r"(\d{6}|\d{8})(\+?)(\d{4})", re.ASCII)
_ONLY_BIRTH = re.compile(r"(?:\d{6}|\d{8})(?:[-+]\D{0,4}|[X*?_.]{3,4})|\d{4}-\d\d-\d\d", re.ASCII)
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?E\+?\d+", re.ASCII)
_DECIMAL = re.compile(r"\d+[.,]\d*", re.ASCII)
_DAMAGES = (
    (_SCIENTIFIC, Reason.SCIENTIFIC),
    (_DECIMAL, Reason.DECIMALS),
    (_ONLY_BIRTH, Reason.INCOMPLETE),
)
_INSIDE = re.compile(
    r"(?<!\d)(?:(\d{6}|\d{8})[\s./+-]{0,3}(\d{4})|((?:\d\d)?\d\d[-.]\d\d[-.]\d\d)[+-](\d{4}))(?!\d|[-./]\d\d[-./]\d\d)",
    re.ASCII,
)
_TEN_DIGITS = re.compile(r"(?:\d\D{0,3}){10}")  # of any script: a cheap look before the thorough one
_STRANGE = re.compile(r"[^\s\x21-\x7e\xa1-\xac\xae-\xff]")
_MINUS_SIGNS = "\u2212\u2043\u00ad"  # minus sign, hyphen bullet, soft hyphen: dashes outside category Pd
_EXACT = 2**53  # a spreadsheet keeps whole numbers below this
_SHORTEST_DAMAGED = 7  # 000101-nnnn without its leading zeros


def normalise(cell: Cell, reference: date) -> Identity | None:
    """The identity in a cell; None when the cell is blank.

    ``reference`` is the day the file was extracted: it settles the century of ten digits (the youngest
    birth not after it; with ``+`` someone who turns 100 that year or earlier), and no birth may be
    later. Numeric cells count only when nothing can have been lost: whole, and of ten or twelve digits.
    """
    if isinstance(cell, str):
        plain = _PLAIN.fullmatch(cell)
        return _number(plain[1], plain[2], "", reference) if plain else _from_text(cell, reference)
    if cell is None:
        return None
    if isinstance(cell, date):
        return Invalid(Reason.READ_AS_DATE, "datum")
    if isinstance(cell, bool) or not 0 <= cell < _EXACT or cell != int(cell):
        return Invalid(Reason.DECIMALS, "annat än ett helt tal")
    return _from_digits(str(int(cell)), reference)


def contains_national_id(text: str, reference: date) -> bool:
    """Whether a valid number stands anywhere in a text, however it is punctuated."""
    if not _TEN_DIGITS.search(text):
        return False
    for found in _INSIDE.finditer(_one_spelling(text)):
        day, tail = (found[1], found[2]) if found[1] else (re.sub(r"[-.]", "", found[3]), found[4])
        if isinstance(_number(day, tail, "", reference), NationalId):
            return True
    return False


def shape(text: str) -> str:
    """What a value looks like, in Swedish and without the value: ``9 siffror``, ``11 tecken …``."""
    digits = sum(character.isdigit() for character in text)
    if digits == len(text):
        return f"{digits} siffror"
    return f"{len(text)} tecken, varav {digits} siffror"


def _from_text(raw: str, reference: date) -> Identity | None:
    text = _one_spelling(raw)
    bare = re.sub(r"[\s-]", "", text)
    if not bare:
        return None
    if number := _NUMBER.fullmatch(bare):
        return _number(number[1], number[3], number[2], reference)
    compact = re.sub(r"\s", "", text)
    if reason := _damage(compact):
        return Invalid(reason, shape(compact))
    if bare.isdigit() and not isinstance(identity := _from_digits(bare, reference), LocalId):
        return identity
    if contains_national_id(text, reference):
        return Invalid(Reason.MIXED, shape(compact))
    return LocalId(compact)


def _one_spelling(raw: str) -> str:
    """NFKC, every dash a hyphen, invisible characters gone, capitals."""
    text = unicodedata.normalize("NFKC", raw)
    return _STRANGE.sub(_plain_character, text).strip().upper()


def _plain_character(found: re.Match[str]) -> str:
    character = found[0]
    category = unicodedata.category(character)
    if category == "Pd" or character in _MINUS_SIGNS:
        return "-"
    if category == "Nd":  # other scripts' digits, which NFKC leaves alone
        return str(unicodedata.decimal(character))
    return "" if category in {"Cf", "Cc"} else character


def _damage(text: str) -> Reason | None:
    if not any(character.isdigit() for character in text):
        return Reason.NO_DIGITS
    if text[0] in "'`´’":
        return Reason.APOSTROPHE
    for pattern, reason in _DAMAGES:
        if pattern.fullmatch(text):
            return reason
    return None


def _from_digits(digits: str, reference: date) -> Identity:
    """Nothing but digits: a number, a number that lost its zeros, or a local id."""
    if len(digits) in (10, 12):
        return _number(digits[:-4], digits[-4:], "", reference)
    if len(digits) == 9 or (_SHORTEST_DAMAGED <= len(digits) < 9 and _was_a_number(digits, reference)):
        return Invalid(Reason.LOST_ZERO, shape(digits))
    if len(digits) == 11:
        return Invalid(Reason.LENGTH, shape(digits))
    return LocalId(digits)


def _was_a_number(digits: str, reference: date) -> bool:
    whole = digits.zfill(10)
    return isinstance(_number(whole[:6], whole[6:], "", reference), NationalId)


def _number(day: str, tail: str, plus: str, reference: date) -> NationalId | Invalid:
    """Check ``[YY]YYMMDD`` and ``NNNC``; the checks run from the surest damage to the subtlest."""
    born = _birth_date(day, plus, reference)
    if isinstance(born, Reason):
        return _invalid(born, day)
    if not _check_digit_fits(day[-6:] + tail):
        return _invalid(Reason.CHECK_DIGIT, day)
    if tail[:3] == "000":
        return _invalid(Reason.SERIAL, day)
    kind = IdKind.SAM if day[-2] > "5" and day[-2:] != "60" else IdKind.PNR
    digits = day + tail if len(day) == 8 else f"{born.year:04d}{day[-4:]}{tail}"
    return NationalId(kind, digits, born)


def _invalid(reason: Reason, day: str) -> Invalid:
    return Invalid(reason, f"{len(day) + 4} siffror")


@lru_cache(maxsize=20_000)  # the days of two childhoods: most are met again and again
def _birth_date(day: str, plus: str, reference: date) -> date | Reason:
    month, in_month = int(day[-4:-2]), int(day[-2:])
    in_month -= 60 if in_month > 60 else 0
    if len(day) == 6:
        return _youngest(int(day[:2]), month, in_month, plus, reference)
    year = int(day[:4])
    if not 1800 <= year <= 2099 or (plus and reference.year - year < 100):
        return Reason.CENTURY
    born = _date(year, month, in_month)
    if born is None:
        return Reason.NO_SUCH_DATE
    return Reason.FUTURE if born > reference else born


def _youngest(short: int, month: int, day: int, plus: str, reference: date) -> date | Reason:
    """The latest year ending in ``short`` that the reference day, and ``+`` or its absence, allow."""
    latest = reference.year - (100 if plus else 0)
    year = latest - (latest - short) % 100
    born = _date(year, month, day)
    if born is None or born > reference:  # later this year, or 29 February of another century
        born = _date(year - 100, month, day)
    return born or Reason.NO_SUCH_DATE


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


_PAIR = {f"{pair:02d}": sum(divmod(pair // 10 * 2, 10)) + pair % 10 for pair in range(100)}
"""Two digits with the weights 2 and 1."""


def _check_digit_fits(digits: str) -> bool:
    """Modulus 10 over ten digits, weights 2 1 2 1 …, taking the digit sum of each product."""
    first, second, third = _PAIR[digits[:2]], _PAIR[digits[2:4]], _PAIR[digits[4:6]]
    return (first + second + third + _PAIR[digits[6:8]] + _PAIR[digits[8:]]) % 10 == 0

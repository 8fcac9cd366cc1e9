"""Privacy guard: keeps identities out of findings and of the names of files, sheets and systems."""

from __future__ import annotations

import re

_NUMBER = re.compile(
    r"(?=(?<!\d)((?:\d\d[\W_]{0,3})?\d\d[\W_]{0,3}\d\d[\W_]{0,3}\d\d[\W_]{0,3}\d{4})(?!\d|[-./]\d\d[-./]\d\d))"
)
"""Ten or twelve digits however they are set apart, wherever one may begin; a day and a day are not one."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST = 60


def shown_header(header: str) -> str:
    """A header fit for a finding: short, and without anything that could be an identity.

    In a file without headers the first row of data stands where the headers should.
    """
    digits = sum(map(str.isdigit, header))
    if digits >= 6:
        return f"({digits} siffror)"
    header = safe_text(header)
    return header if len(header) <= _LONGEST else header[:_LONGEST] + "…"


def safe_text(text: str) -> str:
    """A name or declared value as it may be kept and shown.

    Whatever looks like a national id is replaced by ``#``; so are, by ``�``, control characters and the
    bytes of a file name that are no UTF-8, which no database or terminal takes.
    """
    text = _UNPRINTABLE.sub("�", text)
    shown = list(text)
    for match in _NUMBER.finditer(text):
        if _plausible(match[1]):
            shown[match.start(1) : match.end(1)] = "#" * len(match[1])
    return "".join(shown)


def _plausible(number: str) -> bool:
    digits = "".join(filter(str.isdigit, number))[-10:]
    month, day = int(digits[2:4]), int(digits[4:6])
    return 1 <= month <= 12 and (1 <= day <= 31 or 61 <= day <= 91) and _checks(digits)


def _checks(digits: str) -> bool:
    """The modulus 10 check digit of national ids."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0

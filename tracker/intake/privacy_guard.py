"""Privacy guard: keeps identities that stand where no identity belongs out of findings and file names."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<!\d)(\d{2})?\d{6}[-+]?\d{4}(?!\d)")
_LONGEST = 60


def shown_header(header: str) -> str:
    """A header fit for a finding: short, and without anything that could be an identity.

    In a file without headers the first row of data stands where the headers should.
    """
    digits = sum(map(str.isdigit, header))
    if digits >= 6:
        return f"({digits} siffror)"
    return header if len(header) <= _LONGEST else header[:_LONGEST] + "…"


def shown_file_name(name: str) -> str:
    """A file name with whatever looks like a national id replaced by ``#``."""
    return _NUMBER.sub(lambda match: "#" * len(match[0]) if _plausible(match[0]) else match[0], name)


def _plausible(number: str) -> bool:
    digits = "".join(filter(str.isdigit, number))[-10:]
    month, day = int(digits[2:4]), int(digits[4:6])
    return 1 <= month <= 12 and (1 <= day <= 31 or 61 <= day <= 91) and _checks(digits)


def _checks(digits: str) -> bool:
    """The modulus 10 check digit of national ids."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0

"""The last look at text on its way out: no national id, no free text, whatever came in."""

from __future__ import annotations

import re
import unicodedata

HIDDEN = "(visas inte)"
PROTECTED_FIELDS = frozenset({"child", "previous_child", "note"})
"""Fields whose cells are identities or free text: of them only a shape may be told."""

LONGEST_WORDING = 80
"""A wording of a code longer than this, which no code list knows, is taken for free text."""

_ID = re.compile(
    r"(?<!\d)(?:\d{2})?\d{2}[ .-]?(?:0[1-9]|1[0-2])[ .-]?(?:0[1-9]|[1-9]\d)"
    r"[ +\u2013\u2212-]{0,3}\d{4}(?!\d|-\d\d-\d\d)"
)
"""Ten or twelve digits that begin like a date (day up to 99, for co-ordination numbers), however they are
set apart; a day followed by another day is not one."""

_SHAPE = re.compile(r"(?:\d{1,3} )?[a-zåäö]+|\d{1,3} [a-zåäö][a-zåäö0-9 ,.()/–-]{0,60}")
_MOST_DIGITS = 5


def without_ids(text: str) -> str:
    """``text`` with everything that could be a national id replaced by how many digits it has.

    Full-width digits and odd spaces count as plain ones.
    """
    plain = unicodedata.normalize("NFKC", text)
    hidden = _ID.sub(lambda match: f"({sum(map(str.isdigit, match[0]))} siffror, {HIDDEN[1:]}", plain)
    return text if hidden == plain else hidden


def shape_only(found: str) -> str:
    """What was found in a protected field, if it is told as a shape (``9 siffror``); else hidden."""
    is_shape = _SHAPE.fullmatch(found) and sum(map(str.isdigit, found)) <= _MOST_DIGITS
    return found if is_shape or not found else HIDDEN


def wording(delivered: str, known: bool) -> str:
    """A delivered wording of a code, unless it is so long that it must be free text."""
    if not known and len(delivered) > LONGEST_WORDING:
        return f"(lång text, {len(delivered)} tecken, {HIDDEN[1:]}"
    return without_ids(delivered)

"""Spelling normalisation: the many ways of writing one thing, brought to one text.

What varies without meaning anything is taken away: case, spaces, dashes, quotes, final punctuation,
leading abbreviations of the department (B/U, B&U, BoU, Barn/ungdom, BoF …: NUSO PM 4), numbering,
and age ranges. No word that carries meaning is changed, so that a codebook can list what is left.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_QUOTES = "\"'`´«»‹›“”„‟‘’‚‛″′"
_BRACKETS = "()[]{}_*•·●▪"
_CHARACTERS = str.maketrans(dict.fromkeys(_QUOTES, "") | dict.fromkeys(_BRACKETS, " ") | {"−": "-"})

_ABBREVIATIONS = tuple(
    (re.compile(rf"(?<![\w/.]){short}(?![\w/])"), full)
    for short, full in (
        (r"m\.?\s?m\.?", "med mera"),
        (r"t\.?\s?o\.?\s?m\.?", "till och med"),
        (r"p\.?\s?g\.?\s?a\.?", "på grund av"),
        (r"bl\.?\s?a\.?", "bland annat"),
        (r"t\.?\s?ex\.?", "till exempel"),
        (r"inkl\.?", "inklusive"),
        (r"ev\.?", "eventuell"),
        (r"ang\.?", "angående"),
        (r"utr\.?", "utredning"),
        (r"anm\.?", "anmälan"),
        (r"ans\.?", "ansökan"),
        (r"info\.?", "information"),
        (r"(?:påg|pgå|påg)\.?", "pågående"),
        (r"(?:fhb|förhandsbed)\.?", "förhandsbedömning"),
        (r"(?:vh|vnh)\.?", "vårdnadshavare"),
        (r"misst\.", "misstanke"),
        (r"f/o", "förälder/omsorgsperson"),
    )
)

_CHILD_AND_YOUTH = re.compile(
    r"(?<![\w/])(?:barn-?\s*(?:/|-|och|o)\s*ungdom(?:ar)?|barn\s*(?:/|och|o)\s*unga"
    r"|b\s?/\s?u|b\s?o\s?u|b\s+och\s+u|bou|bu)(?![\w/])"
)
_PREFIX = re.compile(
    r"(?:(?:barn/ungdom|barn(?:/|\soch\s)familj|b/f|b\soch\sf|bof|buf|ifo|b)(?:\s+-\s+|\s*-\s*|\s+)"
    r"|\d{1,3}\s*[.)]\s*|\d{1,3}\s+-\s+)"
    r"(?!(?:som|i|med|utan|under|till|far|vars|på|mellan|utsatta?|och|eller|från)\b)(?=[^\W\d_])"
)

_WHOSE = r"(?:(?:barn/ungdom|barn|ungdomar|ungdom|unga)\s+)"
_AGE_RANGES = (
    re.compile(
        rf"(?<![\w/-]){_WHOSE}?(?:i åldern\s+)?\d{{1,2}}\s*(?:-|till)\s*\d{{1,2}}\s*år(?:ingar)?(?!\w)"
    ),
    re.compile(rf"(?<![\w/-]){_WHOSE}\d{{1,2}}\s*-\s*\d{{1,2}}(?![\w-]|\s*år)"),
    re.compile(r"(?<=\w)\s+\d{1,2}\s*-\s*(?:1\d|2[01])$"),
    re.compile(rf"(?<![\w/-]){_WHOSE}?(?:under|upp till|yngre än)\s+\d{{1,2}}\s*år(?!\w)"),
)

_PUNCTUATION = (
    (re.compile(r"\s+"), " "),
    (re.compile(r"&"), " och "),
    (re.compile(r"(?<=\s)o(?=\s)"), "och"),
    (re.compile(r"\.(?!\d)|(?<!\d)\."), " "),
    (re.compile(r":(?!\d)"), " - "),
    (re.compile(r"[!?]"), " "),
    (re.compile(r"\s*/\s*"), "/"),
    (re.compile(r"\s*;\s*"), "; "),
    (re.compile(r"\s*,(?!\d)\s*|\s*(?<!\d),\s*"), ", "),
    (re.compile(r"§+\s*(\d+(?:\s*-\s*\d+)?)"), r"\1 §"),
    (re.compile(r"\s*§+"), " §"),
    (re.compile(r"-{2,}"), "-"),
    (re.compile(r"\s+-\s*|\s*-\s+(?!(?:och|eller|samt)\b)"), " - "),
    (re.compile(r"\s+"), " "),
)
_EDGES = " .,;:-/|=~"

_SEPARATORS = frozenset(";,|\n\r•")


@lru_cache(maxsize=1 << 16)
def normalise(raw: str) -> str:
    """The normalised text of one delivered wording; ``""`` when nothing is left.

    Idempotent: ``normalise(normalise(x)) == normalise(x)``. An age range or a prefix that is the
    whole text is kept, since it is then what the cell says.
    """
    text = raw
    while (tidied := _pass(text)) != text:
        text = tidied
    return text


def split(raw: str) -> tuple[str, ...]:
    """The normalised parts of a cell that holds several wordings, in delivered order.

    Parts are separated by comma, semicolon, bar or line break, never inside brackets. A dash or a
    slash may be part of one wording (``Konflikt - vårdnad``, ``Barnet/den unge``): whether it
    separates can only be told with a codebook, see ``dash_parts``.
    """
    parts = [""]
    depth = 0
    text = unicodedata.normalize("NFKC", raw)
    for position, character in enumerate(text):
        depth = max(0, depth + (character in "([{") - (character in ")]}"))
        if character in _SEPARATORS and not depth and not _decimal_comma(text, position):
            parts.append("")
        else:
            parts[-1] += character
    return tuple(part for part in map(normalise, parts) if part)


def dash_parts(normalised: str) -> tuple[str, ...]:
    """The parts of a normalised wording between free-standing dashes, each normalised."""
    return tuple(part for part in map(normalise, normalised.split(" - ")) if part)


def _decimal_comma(text: str, position: int) -> bool:
    around = text[position - 1 : position] + text[position + 1 : position + 2]
    return text[position] == "," and len(around) == 2 and around.isdigit()


def _pass(text: str) -> str:
    text = _characters(text)
    for pattern, full in _ABBREVIATIONS:
        text = pattern.sub(full, text)
    text = _without_prefix(text.strip(_EDGES))
    for pattern, replacement in _PUNCTUATION:
        text = pattern.sub(replacement, text)
    text = _CHILD_AND_YOUTH.sub("barn/ungdom", text)
    return _without_age_range(_without_prefix(text.strip(_EDGES))).strip(_EDGES)


def _characters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(map(_plain, folded)).translate(_CHARACTERS)


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd":
        return "-"
    if category == "Cf":
        return ""
    return " " if category in {"Cc", "Zl", "Zp"} else character


def _without_prefix(text: str) -> str:
    match = _PREFIX.match(text)
    return text[match.end() :] if match else text


def _without_age_range(text: str) -> str:
    for pattern in _AGE_RANGES:
        shorter = pattern.sub(" ", text)
        if any(character.isalpha() for character in shorter):
            text = shorter
    return " ".join(text.split())

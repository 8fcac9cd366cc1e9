"""Suggestions for an unmapped wording: the nearest known spellings. A person decides, never the score."""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz, process

from tracker.harmonise.codebook import Codebooks
from tracker.harmonise.normalise import normalise

_CONSIDERED = 60  # nearest spellings looked at, so that several codes can come up
_LEAST = 50.0


@dataclass(frozen=True)
class Suggestion:
    """Codes a wording may mean. ``score`` is a likeness from 0 to 100, not a probability."""

    codes: tuple[str, ...]
    label_sv: str
    score: float
    because: str


def suggest(codebooks: Codebooks, codebook: str, spelling: str, limit: int = 5) -> list[Suggestion]:
    """The likeliest codes of a wording, nearest first, each code once.

    Likeness is rapidfuzz's token-sort ratio, or its partial form for wordings that contain a known one,
    to every spelling and label. Raises ``NotFound`` for an unknown codebook.
    """
    known = codebooks.known_spellings(codebook)
    wanted = normalise(spelling)
    nearest = process.extract(wanted, list(known), scorer=_likeness, limit=_CONSIDERED, score_cutoff=_LEAST)
    best: dict[tuple[str, ...], tuple[float, str]] = {}
    for match, score, _ in sorted(nearest, key=lambda found: (-found[1], len(found[0]), found[0])):
        best.setdefault(known[match], (score, match))
    return [
        Suggestion(codes, _labels(codebooks, codebook, codes), round(score, 1), f"liknar ”{match}”")
        for codes, (score, match) in list(best.items())[:limit]
    ]


def _likeness(left: str, right: str, **_: object) -> float:
    """Same words in another order count as the same; containing a known wording counts a little less."""
    whole: float = fuzz.token_sort_ratio(left, right)
    part: float = fuzz.token_set_ratio(left, right)
    return max(whole, 0.9 * part)


def _labels(codebooks: Codebooks, codebook: str, codes: tuple[str, ...]) -> str:
    return " + ".join(codebooks.lists[codebook][code].label_sv for code in codes)

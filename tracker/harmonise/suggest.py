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

    Likeness is the best of rapidfuzz's ratios with words sorted, with words run together, and (at nine
    tenths) for wordings that contain a known one. Raises ``NotFound`` for an unknown codebook.
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
    """Word order and word division aside; containing a known wording counts a little less."""
    ordered: float = fuzz.token_sort_ratio(left, right)
    together: float = fuzz.ratio(left.replace(" ", ""), right.replace(" ", ""))
    contained: float = fuzz.token_set_ratio(left, right)
    return max(ordered, together, 0.9 * contained)


def _labels(codebooks: Codebooks, codebook: str, codes: tuple[str, ...]) -> str:
    return " + ".join(codebooks.lists[codebook][code].label_sv for code in codes)

"""The words municipalities use: each its own prefix, case and choice among many formulations.

The phrases in ``wording/*.csv`` are this generator's own list, each with the code it truly means.
From them every municipality gets a ``Lexicon``; decorated with prefixes, case and age ranges they make
the 76 types, 197 actions and about 1,300 reasons that NUSO counted (PM 4).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

REASON_PREFIXES = (
    "", "", "", "", "B/U ", "B/U ", "B&U ", "Barn/ungdom ", "BoF ", "BoU ", "B/U - ", "Barn/ungdom: ",
)  # fmt: skip
TYPE_PREFIXES = ("", "", "", "", "", "B ", "B/U ", "B/U ", "BoU ")
AGE_SUFFIXES = ("", "", "", "", "", " 0-17", " 0-17 år")
AGE_SPLITS = ((" barn 0-12 år", " ungdom 13-17 år"), (" 0-12 år", " 13-17 år"))
SEPARATORS = ("; ", ", ", " - ", ";", ",", " – ")


@dataclass(frozen=True)
class Lexicon:
    """One municipality's words: codebook → code → the spellings it uses.

    ``secret`` holds, per codebook and code, a local wording whose meaning no codebook can know.
    ``separator`` joins several reasons in one cell. ``by_age`` says that the two spellings of a report
    stand for children under 13 and older.
    """

    words: Mapping[str, Mapping[str, tuple[str, ...]]]
    secret: Mapping[str, Mapping[str, str]]
    separator: str
    by_age: bool


def _csv(name: str) -> list[dict[str, str]]:
    text = resources.files("tracker.synth").joinpath("wording", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


@cache
def phrases(name: str) -> Mapping[str, tuple[str, ...]]:
    """Code → phrases of ``wording/<name>.csv``."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in _csv(f"{name}.csv"):
        found[row["code"]].append(row["phrase"])
    return {code: tuple(texts) for code, texts in found.items()}


@cache
def small_lists() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Codebook → code → three or more spellings, of ``wording/other.csv``."""
    found: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for row in _csv("other.csv"):
        found[row["codebook"]][row["code"]] = tuple(row["wordings"].split("|"))
    return found


def _cased(text: str, style: int) -> str:
    """Style 0–5 as written, 6–8 lower case, 9 capitals; applied before any prefix."""
    if style == 9:
        return text.upper()
    return text.lower() if style >= 6 else text


def lexicon(number: int, several: bool, rng: np.random.Generator) -> Lexicon:
    """Draw one municipality's words; ``number`` makes its local codes its own."""
    separator = str(rng.choice(SEPARATORS)) if several else ""
    words: dict[str, dict[str, tuple[str, ...]]] = {
        name: {code: (_one(spellings, rng),) for code, spellings in codes.items()}
        for name, codes in small_lists().items()
    }
    by_age = bool(rng.random() < 0.4)
    words["referral_reason"] = _reasons(several, rng)
    words["referral_type"] = _types(by_age, rng)
    words["referral_action"] = _actions(rng)
    return Lexicon(words, _secrets(number), separator, by_age)


def _one(texts: Iterable[str], rng: np.random.Generator) -> str:
    return str(rng.choice(np.asarray(list(texts), dtype=object)))


def _reasons(several: bool, rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    prefix, style = str(rng.choice(REASON_PREFIXES)), int(rng.choice((0, 0, 0, 0, 0, 0, 0, 6, 6, 9)))
    if several and " - " in prefix:
        prefix = prefix.replace(" - ", " ")
    result: dict[str, tuple[str, ...]] = {}
    for code, texts in phrases("referral_reason").items():
        usable = texts if several else texts + phrases("single_only").get(code, ())
        chosen = rng.choice(np.asarray(usable, dtype=object), size=1 + int(rng.random() < 0.3), replace=False)
        result[code] = tuple(prefix + _cased(text, style) for text in chosen)
    return result


def _types(by_age: bool, rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    prefix, style = str(rng.choice(TYPE_PREFIXES)), int(rng.integers(9))
    split = AGE_SPLITS[int(rng.integers(len(AGE_SPLITS)))]
    suffix = str(rng.choice(AGE_SUFFIXES))
    result: dict[str, tuple[str, ...]] = {}
    for code, texts in phrases("referral_type").items():
        text = prefix + _cased(texts[min(int(rng.exponential(0.65)), len(texts) - 1)], style)
        result[code] = (text + suffix,) if code == "report" else (text,)
        if by_age and code == "report":
            result[code] = tuple(prefix + _cased("Anmälan", style) + s for s in split)
    return result


def _actions(rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    style = int(rng.choice((0, 0, 0, 0, 6)))
    result = {}
    for code, texts in phrases("referral_action").items():
        most = min(len(texts), 3)
        places = np.unique(
            np.minimum(rng.exponential(6.0, int(rng.integers(1, most + 1))), len(texts) - 1).astype(int)
        )
        result[code] = tuple(_cased(texts[k], style) for k in places)
    return result


def _secrets(number: int) -> dict[str, dict[str, str]]:
    """Local codes and remarks: legible to nobody outside the municipality."""
    reasons = {
        code: f"LK{number:02d}-{7 * place + number % 5:03d}"
        for place, code in enumerate(phrases("referral_reason"))
    }
    actions = {
        code: f"se delegation {number}.{place + 1}" for place, code in enumerate(phrases("referral_action"))
    }
    return {"referral_reason": reasons, "referral_action": actions}

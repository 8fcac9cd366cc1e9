"""The sub-study 1 items of an investigation: 30 risk and 7 protective factors, and how it was conducted.

Numbers of documented factors follow NUSO PM 3: risk 0/1/2/3–4/5+ = 11/9/12/33/35 %, protective
0/1/2/3+ = 12/19/24/45 %; shares of conduct likewise. Which factors are documented is drawn evenly,
apart from sex and age no structure is claimed.
"""

from __future__ import annotations

import numpy as np

from tracker.synth.episodes import Table, pick

RISK = tuple(f"r{k:02d}" for k in range(1, 31))
PROTECTIVE = tuple(f"p{k}" for k in range(1, 8))
CONDUCT = {
    "child_talks": 0.75, "child_alone": 0.48, "observations": 0.24, "interpreter": 0.11,
    "info_educational": 0.57, "info_medical": 0.16, "info_psychosocial": 0.11, "info_psychological": 0.05,
    "info_dental": 0.032, "child_wishes": 0.43,
}  # fmt: skip
SHARE_MISSING = 0.04
CODEBOOKS = {
    **dict.fromkeys(CONDUCT, "yes_no"),
    "guardian_talks": "number_of_talks",
    **dict.fromkeys(RISK, "risk_factor_value"),
    **dict.fromkeys(PROTECTIVE, "protective_factor_value"),
}
"""Item → codebook."""


def with_items(rows: Table, rng: np.random.Generator) -> Table:
    """``rows`` with a column of codes an item."""
    n = len(rows)
    columns: dict[str, np.ndarray] = {}
    talks = np.array(["none", "one", "two", "three_or_more"], dtype=object)
    columns["guardian_talks"] = rng.choice(talks, n, p=(0.05, 0.14, 0.24, 0.57))
    for name, share in CONDUCT.items():
        columns[name] = np.where(rng.random(n) < share, "yes", "no").astype(object)
    risk = _documented(n, len(RISK), ((0, 0), (1, 1), (2, 2), (3, 4), (5, 14)), (11, 9, 12, 33, 35), rng)
    severity = np.array(["serious", "less_serious", "severity_not_stated"], dtype=object)
    for k, name in enumerate(RISK):
        level = rng.choice(severity, n, p=(0.4, 0.35, 0.25))
        columns[name] = _missing(np.where(risk[:, k], level, "no"), rng)
    kept = _documented(n, len(PROTECTIVE), ((0, 0), (1, 1), (2, 2), (3, 6)), (12, 19, 24, 45), rng)
    for k, name in enumerate(PROTECTIVE):
        columns[name] = _missing(np.where(kept[:, k], "yes", "no").astype(object), rng)
    return rows.assign(**columns)


def _documented(
    n: int, items: int, bands: tuple[tuple[int, int], ...], shares: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """n × items: which factors are documented; how many is drawn from bands of counts."""
    band = np.asarray(bands)[pick(np.tile(np.asarray(shares, float), (n, 1)), rng)]
    count = rng.integers(band[:, 0], band[:, 1] + 1)
    return np.asarray(rng.random((n, items)).argsort(axis=1).argsort(axis=1) < count[:, None])


def _missing(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    drawn = rng.random(len(codes))
    codes = np.where(drawn < SHARE_MISSING, "not_assessed", codes)
    return np.where(drawn < SHARE_MISSING / 2, "", codes)

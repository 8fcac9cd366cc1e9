"""Drift: what a sender delivers differs from its own past, and not because everybody's does.

**Volumes.** Facts a month are counts, so they are compared on Anscombe's scale, t(x) = 2·√(x + 3/8), where a
Poisson count has variance 1 whatever its size (Anscombe 1948, Biometrika 35:246). Real counts scatter more:
the scale s is the larger of 1 and 1.4826 · MAD of the sender's own past, as surveillance of case counts
lets the past tell its dispersion and never takes less than Poisson (Farrington et al. 1996, JRSS A 159:547).
Expected is the median of the past, which one bad month does not move, times what the peers' month was to
their own past (median ratio): holidays and reforms are everybody's. The score is

    z = (t(seen) - t(expected)) / (s · √(1 + π/2n)),    n months of past; π/2n is the median's own error.

**Unmapped shares.** Shares are compared as arcsin √p, where a binomial share of n has variance 1/4n: with
the sender's own past, and with its peers as a modified z-score by median and MAD. Only a rise counts, and
only of two percentage points or more: wordings come in bulk, and a small share of many cells is soon "sure".

Told is |z| ≥ 3.5 (Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers, for modified z-scores).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import asin, exp, log, pi, sqrt
from statistics import median

LEAST_PAST = 6
"""Months of past without which a volume has nothing to be compared with."""

MOST_PAST = 24
NEWEST = 3
"""Months looked at: deliveries come a quarter at a time. The past is what lies before them."""

LEAST_PEERS = 5
LEAST_CELLS = 30
LEAST_RISE = 0.02
TELL = 3.5
MAD_TO_SD = 1.4826

Sender = tuple[str, str]
"""Municipality and record type."""


@dataclass(frozen=True)
class Share:
    """Coded cells of one field in one delivery, and how many of them no code is known for."""

    delivery_no: int
    field: str
    cells: int
    unmapped: int


@dataclass(frozen=True)
class Drift:
    """One thing that differs. ``about`` is a month (2025-03) or a field; ``score`` in standard deviations."""

    municipality: str
    record_type: str
    what: str
    about: str
    seen: float
    expected: float
    score: float

    @property
    def sentence(self) -> str:
        """What to tell the operator; it quotes no wording and no row."""
        if self.what == "volume":
            return f"{self.about}: {self.seen:.0f} facts where {self.expected:.0f} are expected"
        return f"{self.about}: {self.seen:.0%} unmapped where {self.expected:.0%} is usual"


# -- volumes -----------------------------------------------------------------------------------------

Months = Mapping[date, int]
"""Facts by month (its first day), for the months delivered whole; a month without facts is a 0."""


def volume_drift(counts: Mapping[Sender, Months]) -> list[Drift]:
    """Months among each sender's newest whose number of facts its past and its peers do not explain."""
    pasts = {sender: _Past.of(months) for sender, months in counts.items()}
    known = {sender: past for sender, past in pasts.items() if past is not None}
    ratios = _ratios(counts, known)
    return [
        drift
        for sender, past in sorted(known.items())
        for month in sorted(counts[sender])[-NEWEST:]
        if (drift := _judged(sender, month, counts[sender][month], past, ratios)) is not None
    ]


@dataclass(frozen=True)
class _Past:
    middle: float
    scale: float
    months: int

    @classmethod
    def of(cls, months: Months) -> _Past | None:
        past = [months[month] for month in sorted(months)[:-NEWEST][-MOST_PAST:]]
        if len(past) < LEAST_PAST:
            return None
        levels = [_stable(count) for count in past]
        spread = MAD_TO_SD * median(abs(level - median(levels)) for level in levels)
        return cls(median(past), max(1.0, spread), len(past))


Ratios = dict[tuple[str, date], dict[str, float]]


def _ratios(counts: Mapping[Sender, Months], known: Mapping[Sender, _Past]) -> Ratios:
    """By record type and month: each sender's count over its own past, as a logarithm."""
    found: Ratios = {}
    for (municipality, record_type), past in known.items():
        months = counts[municipality, record_type]
        for month in sorted(months)[-NEWEST:]:
            ratio = log((months[month] + 0.5) / (past.middle + 0.5))
            found.setdefault((record_type, month), {})[municipality] = ratio
    return found


def _judged(sender: Sender, month: date, seen: int, past: _Past, ratios: Ratios) -> Drift | None:
    municipality, record_type = sender
    peers = [ratio for other, ratio in ratios[record_type, month].items() if other != municipality]
    expected = past.middle * (exp(median(peers)) if len(peers) >= LEAST_PEERS else 1.0)
    error = past.scale * sqrt(1 + pi / (2 * past.months))
    score = (_stable(seen) - _stable(expected)) / error
    if abs(score) < TELL:
        return None
    return Drift(municipality, record_type, "volume", f"{month:%Y-%m}", seen, expected, score)


def _stable(count: float) -> float:
    return 2 * sqrt(count + 0.375)


# -- unmapped shares ---------------------------------------------------------------------------------


def unmapped_drift(shares: Mapping[Sender, Sequence[Share]]) -> list[Drift]:
    """Fields whose unmapped share in a sender's newest delivery is above its past or its peers.

    ``shares`` are of each delivery, oldest extract first.
    """
    newest = {sender: _newest(each) for sender, each in shares.items()}
    return [
        drift
        for sender in sorted(shares)
        for field, share in sorted(newest[sender].items())
        if share.cells >= LEAST_CELLS
        for drift in _risen(sender, share, _before(shares[sender], share), _peers(newest, sender, field))
    ]


def _newest(shares: Sequence[Share]) -> dict[str, Share]:
    last = shares[-1].delivery_no if shares else 0
    return {share.field: share for share in shares if share.delivery_no == last}


def _before(shares: Sequence[Share], now: Share) -> Share | None:
    earlier = [one for one in shares if one.field == now.field and one.delivery_no != now.delivery_no]
    cells = sum(one.cells for one in earlier)
    if cells < LEAST_CELLS:
        return None
    return Share(0, now.field, cells, sum(one.unmapped for one in earlier))


def _peers(newest: Mapping[Sender, Mapping[str, Share]], sender: Sender, field: str) -> list[float]:
    return [
        fields[field].unmapped / fields[field].cells
        for other, fields in newest.items()
        if other[1] == sender[1]
        and other != sender
        and field in fields
        and fields[field].cells >= LEAST_CELLS
    ]


def _risen(sender: Sender, now: Share, past: Share | None, peers: Sequence[float]) -> Iterator[Drift]:
    """At most one: against the past where there is one, else against the peers."""
    seen = now.unmapped / now.cells
    if past is not None:
        expected = past.unmapped / past.cells
        error = sqrt(0.25 / now.cells + 0.25 / past.cells)
    elif len(peers) >= LEAST_PEERS:
        expected = median(peers)
        levels = [asin(sqrt(share)) for share in peers]
        spread = MAD_TO_SD * median(abs(level - median(levels)) for level in levels)
        error = max(spread, sqrt(0.25 / now.cells))
    else:
        return
    score = (asin(sqrt(seen)) - asin(sqrt(expected))) / error
    if score >= TELL and seen - expected >= LEAST_RISE:
        yield Drift(*sender, "unmapped", now.field, seen, expected, score)

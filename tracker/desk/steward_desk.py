"""The steward's desk: the queue of unknown spellings, suggestions, and the impact of a mapping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from tracker.desk.impact import impact as flow_impact
from tracker.domain.codes import MappingDecision
from tracker.harmonise.normalise import normalise
from tracker.harmonise.spellings import DeliveredSpelling
from tracker.harmonise.suggest import suggest
from tracker.harmonise.workbench import queue
from tracker.postgres import reading
from tracker.wiring import Installation

UNMAPPED_COLUMNS = ("codebook", "rows", "senders", "score", "suggested", "spelling")


def unmapped(place: Installation, codebook: str | None) -> list[dict[str, Any]]:
    """Unknown spellings, the most frequent first, with where they come from and the likeliest reading."""
    delivered = [
        DeliveredSpelling(said.codebook, said.municipality, said.system, said.wording, said.rows)
        for said in reading.wordings(place.url)
        if codebook in (None, said.codebook)
    ]
    return [
        {
            "codebook": entry.codebook,
            "spelling": entry.spelling,
            "rows": entry.count,
            "senders": len(entry.municipalities),
            "municipalities": list(entry.municipalities),
            "examples": list(entry.examples),
            "suggested": list(entry.suggestions[0].codes) if entry.suggestions else [],
            "score": round(entry.suggestions[0].score) if entry.suggestions else None,
        }
        for entry in queue(delivered, place.codebooks())
    ]


def suggestions(place: Installation, codebook: str, spelling: str) -> list[dict[str, Any]]:
    """What a spelling may mean."""
    return [
        {"codes": list(s.codes), "label_sv": s.label_sv, "score": round(s.score), "because": s.because}
        for s in suggest(place.codebooks(), codebook, normalise(spelling))
    ]


def impact(
    place: Installation, proposed: MappingDecision, position: int, step: Callable[[str], None]
) -> pd.DataFrame:
    """Flow figures a proposed mapping would move."""
    standing = place.decisions().decisions()
    place.settings.home.mkdir(parents=True, exist_ok=True)
    home = place.settings.home
    return flow_impact(place.url, standing, proposed, position=position, work=home, progress=step)

"""The stamp in Swedish, for pictures and pages people read; files for machines carry it in English."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.publish.group_words import GROUPS_SV, level_sv
from tracker.publish.stamp import NOT_CONTROLLED, Stamp, checked, is_synthetic

SYNTHETIC_SV = "SYNTETISKA DATA"
NO_REAL_CHILD = "inga verkliga barn finns i dessa siffror"

_LABELS: Mapping[str, str] = {
    "position": "läge i loggen",
    "codebook": "kodbok",
    "definition": "definition",
    "software": "programvara",
    "by": "uppdelat på",
    "return_horizon_days": "uppföljningstid i dagar",
    "chain": "kedja",
    "rules": "regler",
    "erasures": "raderingar",
    "snapshot_software": "ögonblicksbilden gjord med",
}
_SAID_ABOVE = frozenset({"as_of", "disclosure", "synthetic", "cohort", "links"})
"""Told elsewhere in the line, or in a picture's subtitle."""


def stamp_line_sv(stamp: Stamp) -> str:
    """The stamp as one line: what it may be used for first, then its origin."""
    full = checked(stamp)
    parts = [SYNTHETIC_SV] if is_synthetic(full) else []
    parts += ["inte röjandekontrollerad" if full["disclosure"] == NOT_CONTROLLED else full["disclosure"]]
    for key, value in full.items():
        told = f" ({full['as_of']})" if key == "position" and "as_of" in full else ""
        if key not in _SAID_ABOVE:
            parts.append(f"{_LABELS.get(key, key)} {value}{told}")
    return " · ".join(parts)


def cohort_sv(stamp: Stamp) -> str:
    """Which referrals were counted and over which links, as the stamp of a flow summary tells it."""
    _, _, told = stamp.get("cohort", "").partition("referrals received ")
    entry, *conditions = told.split(", ")
    when = "" if entry in {"", "at any time"} else f" {entry.replace('..', '–')}"
    said = [f"Aktualiseringar inkomna{when}" if when else "Alla inkomna aktualiseringar"]
    said += [f"endast {', '.join(map(_condition, conditions))}"] if conditions else []
    links = {"all": "alla kopplingar", "explicit": "endast kopplingar angivna med id"}.get(
        stamp.get("links", "")
    )
    return " · ".join(said + ([links] if links else []))


def _condition(text: str) -> str:
    name, _, values = text.partition("=")
    return f"{GROUPS_SV.get(name, name)} {' eller '.join(level_sv(name, one) for one in values.split('|'))}"

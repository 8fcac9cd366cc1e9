"""What a flow is broken down by, in Swedish: the variables and their levels."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.harmonise.code_lists import package_code_lists
from tracker.projections.flow_groups import TOTAL

GROUPS_SV: Mapping[str, str] = {
    "sex": "kön",
    "age_group": "åldersgrupp",
    "municipality": "kommun",
    "size_class": "storleksklass",
    "referral_type": "typ",
    "reason": "orsak",
    "referrer": "anmälare",
    "year": "år",
    "act": "lag",
}

_CODEBOOKS = {"reason": "referral_reason"}
_LEVELS: Mapping[str, str] = {
    TOTAL: "alla",
    "not_given": "ej angivet",
    "unmapped": "formulering utan kod",
    "unknown": "okänt",
    "unborn": "ofödd",
    "before": "före 1 juli 2025",
    "after": "från 1 juli 2025",
}


def level_sv(variable: str, level: str) -> str:
    """The Swedish name of a level; the level itself where it needs none (a year, a municipality's code)."""
    codes = package_code_lists().lists.get(_CODEBOOKS.get(variable, variable), {})
    return codes[level].label_sv if level in codes else _LEVELS.get(level, level)

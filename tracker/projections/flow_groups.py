"""What a flow summary can be broken down by or narrowed to, and the SQL of each such variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.domain.errors import UsageError
from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025

TOTAL = "all"
"""The value of a breakdown variable in rows that add its groups together."""

GROUPS: Mapping[str, str] = {
    "sex": "coalesce(sex, 'not_given')",
    "age_group": "coalesce(age_group, 'unknown')",
    "municipality": "municipality",
    "size_class": "coalesce(size_class, 'unknown')",
    "referral_type": "coalesce(referral_type, 'not_given')",
    "reason": """CASE WHEN len(coalesce(reasons, [])) = 0
             THEN [CASE WHEN reasons_status LIKE '%unmapped' THEN 'unmapped' ELSE 'not_given' END]
             WHEN reasons_status = 'partly_unmapped' THEN list_append(list_distinct(reasons), 'unmapped')
             ELSE list_distinct(reasons) END""",
    "referrer": "coalesce(referrer, 'not_given')",
    "year": "CAST(year(received_on) AS VARCHAR)",
    "act": f"CASE WHEN received_on < DATE '{SOCIAL_SERVICES_ACT_2025}' THEN 'before' ELSE 'after' END",
}
"""Variable → SQL over a referral row. ``reason`` is a list: a referral counts under each of its reasons.

``size_class`` is the municipality's latest known class, so that a series is not broken by a
municipality growing past a limit. ``act`` is before or after 1 July 2025, by the day received.
"""

Where = Mapping[str, tuple[str, ...]]


def parse_by(by: str | Sequence[str]) -> tuple[str, ...]:
    """Breakdown variables in order, from ``"sex,year"`` or a sequence; UsageError for an unknown one."""
    names = by.split(",") if isinstance(by, str) else by
    wanted = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    _check(wanted, "by")
    return wanted


def parse_where(where: str | Mapping[str, str] | None) -> Where:
    """Conditions as variable → accepted values, from ``"municipality=0180,sex=girl"`` or a mapping.

    A variable named twice accepts either value. UsageError for an unknown variable or a part
    without ``=``.
    """
    pairs = list(where.items()) if isinstance(where, Mapping) else _pairs(where or "")
    _check([name for name, _ in pairs], "where")
    return {name: tuple(v for n, v in pairs if n == name) for name, _ in pairs}


def _pairs(text: str) -> list[tuple[str, str]]:
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not sign for _, sign, _ in parts):
        raise UsageError(
            "a condition is written variable=value, several separated by commas: sex=girl,year=2025"
        )
    return [(name.strip(), value.strip()) for name, _, value in parts]


def _check(names: Sequence[str], argument: str) -> None:
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise UsageError(f"unknown {argument} {', '.join(unknown)}; choose among {', '.join(GROUPS)}")


def columns(by: Sequence[str]) -> str:
    """The breakdown columns of the cohort table, as SQL select items (with a comma after each)."""
    return "".join(f"{GROUPS[name]} AS {name}, " for name in by)


def condition(where: Where) -> tuple[str, list[object]]:
    """SQL condition over referral rows and its parameters; TRUE without conditions."""
    tests = [
        f"list_has_any({GROUPS[name]}, ?)" if name == "reason" else f"list_contains(?, {GROUPS[name]})"
        for name in where
    ]
    return " AND ".join(tests) or "TRUE", [list(values) for values in where.values()]


def levels(by: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The breakdowns to count: the whole cohort, then one variable more at a time, in order."""
    return [by[:depth] for depth in range(len(by) + 1)]

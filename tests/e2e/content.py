"""What a snapshot says, apart from the ids it says it with; and the same of the synthetic truth.

Subject and fact ids differ from one database to the next. Here a child is known by the sorted content of
its rows, a fact by its child and its own content, so that two snapshots, or a snapshot and the truth, can be
compared as multisets.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tests.e2e.truth_flow import sex_wordings
from tracker.harmonise.codebook import Codebooks

Rows = list[tuple[str | None, tuple[Any, ...]]]
"""Subject (None for none) and content of every fact of a record type."""

PLAIN, REASONS = "", "referral_reason"

_PERSONAL = (("sex", "sex", "sex"),)
_REASONS = (("reasons", "reasons", REASONS),)
SHAPE: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "referrals": (
        ("received_on", "received_on", PLAIN), ("concluded_on", "action_on", PLAIN), *_PERSONAL, *_REASONS,
        ("referral_type", "referral_type", "referral_type"), ("referrer", "referrer", "referrer"),
        ("action", "action", "referral_action"),
    ),
    "investigations": (
        ("opened_on", "opened_on", PLAIN), ("closed_on", "closed_on", PLAIN), *_PERSONAL, *_REASONS,
        ("known_before", "known_before", "yes_no"), ("need", "need", "need"),
        ("outcome", "outcome", "investigation_outcome"),
    ),
    "interventions": (
        ("decided_on", "decided_on", PLAIN), ("started_on", "started_on", PLAIN),
        ("ended_on", "ended_on", PLAIN), *_PERSONAL,
        ("intervention_type", "intervention_type", "intervention_type"),
        ("legal_basis", "legal_basis", "legal_basis"), ("granted", "granted", "granted"),
        ("guardian_consent", "guardian_consent", "consent"), ("child_consent", "child_consent", "consent"),
        ("end_reason", "end_reason", "end_reason"),
    ),
    "follow_ups": (
        ("held_on", "held_on", PLAIN), ("goal_attainment", "goal_attainment", "goal_attainment"),
        ("situation", "situation", "situation"), ("result", "result", "follow_up_result"),
    ),
    "open_support": (
        ("started_on", "started_on", PLAIN), ("ended_on", "ended_on", PLAIN), *_PERSONAL,
        ("support_type", "support_type", "open_support_type"), ("provider", "provider", "provider"),
        ("living_arrangement", "living_arrangement", "living_arrangement"),
        ("caregiver_sex", "caregiver_sex", "caregiver_sex"), ("interpreter", "interpreter", "yes_no"),
        ("result", "result", "follow_up_result"),
    ),
    "open_support_counts": (
        ("month", "month", PLAIN), ("support_type", "support_type", "open_support_type"), *_PERSONAL,
        ("age_group", "age_group", "age_group"), ("started", "started", PLAIN),
    ),
    "child_facts": (
        ("known_on", "known_on", PLAIN), ("fact", "fact", "child_fact"),
        ("value", "value", "child_fact_value"),
    ),
    "municipality_facts": (
        ("year", "day", PLAIN), ("population", "population", PLAIN),
        ("population_0_17", "population_0_17", PLAIN),
        ("population_0_20", "population_0_20", PLAIN), ("staff", "staff", PLAIN),
    ),
}  # fmt: skip
"""Column of the snapshot, column of the truth and codebook of everything both tell."""


def of_truth(out: Path, codebooks: Codebooks) -> dict[str, Rows]:
    """The facts of the truth: true codes where the codebook claims to know the wording, else ``unmapped``."""
    sexes = sex_wordings(pd.read_parquet(out / "truth" / "wordings.parquet"), codebooks)
    tables = {name: pd.read_parquet(out / "truth" / f"{name}.parquet") for name in SHAPE}
    return {name: list(_true_rows(name, table, codebooks, sexes)) for name, table in tables.items()}


def _true_rows(
    name: str, table: pd.DataFrame, codebooks: Codebooks, sexes: Mapping[tuple[str, str], bool]
) -> Iterator[tuple[str | None, tuple[Any, ...]]]:
    for row in table.to_dict("records"):
        offered = row["offered"].split(",")
        values = []
        for _, field, book in SHAPE[name]:
            if field not in offered and field != "day":
                values.append(("not_given",) if book == REASONS else None)
            elif book == "sex":
                known = row["sex"] and sexes[row["municipality"], row["sex"]]
                values.append((row["sex"] or None) if known or not row["sex"] else "unmapped")
            elif book == REASONS:
                values.append(_true_reasons(row, codebooks))
            elif book:
                values.append(_true_code(row, field, book, codebooks))
            else:
                values.append(_plain(row[field]))
        yield (None if pd.isna(row["subject"]) else row["subject"]), (row["municipality"], *values)


def _true_code(row: Mapping[str, Any], field: str, book: str, codebooks: Codebooks) -> str | None:
    if not row[f"said_{field}"]:
        return None
    reading = codebooks.read(book, row[f"said_{field}"], row["municipality"], row["dialect"])
    return "unmapped" if reading.unmapped else row[field]


def _true_reasons(row: Mapping[str, Any], codebooks: Codebooks) -> tuple[str, ...]:
    """Status, and where all could be read the reasons; part of a cell is held to the truth elsewhere."""
    if not row["said_reasons"]:
        return ("not_given",)
    reading = codebooks.read(REASONS, row["said_reasons"], row["municipality"], row["dialect"])
    if reading.unmapped:
        return ("partly_unmapped" if reading.codes else "unmapped",)
    return ("given", *sorted(set(row["reasons"])))


def of_snapshot(folder: Path) -> dict[str, Rows]:
    """The facts of a snapshot, in the same shape."""
    return {name: list(_told_rows(name, facts_of(folder, name))) for name in SHAPE}


def facts_of(folder: Path, name: str) -> pd.DataFrame:
    """A table of facts; referrals with those that have no child."""
    table = pd.read_parquet(folder / f"{name}.parquet")
    if name == "referrals":
        table = pd.concat(
            [table, pd.read_parquet(folder / "unlinkable_referrals.parquet")], ignore_index=True
        )
    return table


def _told_rows(name: str, table: pd.DataFrame) -> Iterator[tuple[str | None, tuple[Any, ...]]]:
    for row in table.to_dict("records"):
        values = [
            _told_reasons(row) if book == REASONS else _plain(row[column]) for column, _, book in SHAPE[name]
        ]
        subject = row.get("subject_id")
        yield (None if pd.isna(subject) else subject), (row["municipality"], *values)


def _told_reasons(row: Mapping[str, Any]) -> tuple[str, ...]:
    codes = sorted(row["reasons"]) if row["reasons_status"] == "given" else []
    return (row["reasons_status"], *codes)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value or None
    if pd.isna(value):
        return None
    return round(float(value), 6) if isinstance(value, int | float) else str(value)[:10]


def timelines(facts: Mapping[str, Rows]) -> Counter[tuple[str, ...]]:
    """How many children have each timeline; a fact without a child is a timeline of its own."""
    found: dict[Any, list[str]] = defaultdict(list)
    for name, rows in facts.items():
        for number, (subject, content) in enumerate(rows):
            found[subject or (name, number)].append(repr((name, *content)))
    return Counter(tuple(sorted(told)) for told in found.values())


# -- two snapshots -----------------------------------------------------------------------------------

IDS = ("fact_id", "investigation_id", "referral_id", "intervention_id", "from_id", "to_id")
WHEN = ("position", "delivery_no")
_HASHED = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LINKS = (*IDS[1:], "link_method")


def canonical(folder: Path, without: Iterable[str] = ()) -> dict[str, Counter[tuple[Any, ...]]]:
    """Every table of a snapshot as a multiset of rows, subjects and facts named by their content.

    ``without`` names further columns to leave out.
    """
    tables = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    names = _subjects({name: tables[name] for name in (*SHAPE, "unlinkable_referrals")})
    names |= _facts({name: tables[name] for name in (*SHAPE, "unlinkable_referrals")}, names)
    left_out = {*WHEN, *without}
    return {name: _multiset(table, names, left_out) for name, table in tables.items()}


def _subjects(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    told: dict[str, list[str]] = defaultdict(list)
    for name, table in tables.items():
        if "subject_id" in table:
            for subject, row in zip(table.subject_id, _without_ids(table), strict=True):
                if subject is not None and not pd.isna(subject):
                    told[subject].append(repr((name, row)))
    return {subject: _digest("".join(sorted(rows))) for subject, rows in told.items()}


def _facts(tables: Mapping[str, pd.DataFrame], subjects: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, table in tables.items():
        whose = table.subject_id if "subject_id" in table else [None] * len(table)
        for fact, subject, row in zip(table.fact_id, whose, _without_ids(table), strict=True):
            found[fact] = _digest(repr((name, subjects.get(subject, ""), row)))
    return found


def _without_ids(table: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    kept = table.drop(columns=[c for c in table if c in {*LINKS, *IDS, "subject_id"}])
    return (tuple(map(_cell, row)) for row in kept.itertuples(index=False))


def _multiset(table: pd.DataFrame, names: Mapping[str, str], left_out: set[str]) -> Counter[tuple[Any, ...]]:
    kept = table.drop(columns=[c for c in table if c in left_out])
    for column in kept:
        if column in {*IDS, "subject_id"}:
            kept[column] = [
                None if value is None or pd.isna(value) else names.get(value, "") for value in kept[column]
            ]
        elif column == "body":
            kept[column] = [_HASHED.sub("id", value) for value in kept[column]]
    return Counter(tuple(map(_cell, row)) for row in kept.itertuples(index=False))


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return tuple(value) if hasattr(value, "__len__") else _plain(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]

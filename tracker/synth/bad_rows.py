"""Bad rows: copies of real rows about facts that never were, each spoilt in one known way.

A bad row never stands for a true fact, so nothing of the truth depends on it. ``EXPECTED`` says what
should become of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from tracker.synth.render import OWN, Cell, Rendered, source_id
from tracker.synth.schedule import Consignment

EXPECTED: Mapping[str, str] = {
    "closing_before_opening": "quarantined",
    "impossible_date": "quarantined",
    "date_missing": "quarantined",
    "after_extract": "quarantined",
    "out_of_period": "quarantined",
    "id_lost_zero": "quarantined",
    "id_scientific": "quarantined",
    "id_wrong_check_digit": "quarantined",
    "national_id_in_note": "quarantined",
    "duplicate_row": "set_aside",
}

Row = dict[str, Cell]
OPENING = {
    "referrals": ("received_on", "action_on"), "investigations": ("opened_on", "closed_on"),
    "interventions": ("decided_on", "ended_on"), "follow_ups": ("held_on", ""),
    "open_support": ("started_on", ""),
}  # fmt: skip


@dataclass(frozen=True)
class BadRow:
    """One spoilt row: its kind and cells; ``after`` is the good row (index) it must stand below, or −1."""

    kind: str
    cells: Row
    after: int = -1


def bad_rows(
    rendered: Rendered, usable: np.ndarray, consignment: Consignment, share: float, rng: np.random.Generator
) -> list[BadRow]:
    """Spoil copies of some of the rows ``usable`` (indices); kinds take turns."""
    if consignment.record_type not in OPENING or not len(usable):
        return []
    count = int(share * len(usable) + rng.random())
    kinds = [kind for kind in EXPECTED if _applies(kind, rendered, consignment)]
    start = int(rng.integers(len(kinds)))
    made = [
        _spoilt(kinds[(start + k) % len(kinds)], rendered, int(rng.choice(usable)), consignment, k)
        for k in range(count)
    ]
    return [row for row in made if row is not None]


def _applies(kind: str, rendered: Rendered, consignment: Consignment) -> bool:
    sender, headers = consignment.sender, rendered.headers
    national = "child" in headers and sender.children == "national"
    conditions = {
        "id_lost_zero": national,
        "id_scientific": national,
        "id_wrong_check_digit": national,
        "national_id_in_note": national and "note" in headers,
        "duplicate_row": sender.stable_ids and _own(consignment) in headers,
        "out_of_period": consignment.full,
        "after_extract": sender.sidecar,
        "closing_before_opening": OPENING[consignment.record_type][1] in headers,
    }
    return conditions.get(kind, True)


def _own(consignment: Consignment) -> str:
    return OWN.get(
        consignment.record_type, "follow_up_id" if consignment.record_type == "follow_ups" else "support_id"
    )


def _spoilt(
    kind: str, rendered: Rendered, source: int, consignment: Consignment, number: int
) -> BadRow | None:
    row = {field: values[source] for field, values in rendered.cells.items()}
    if kind == "duplicate_row":
        return BadRow(kind, row, after=source)  # of two equal rows the first is kept
    own = _own(consignment)
    if own in row and consignment.sender.dialect.ids in ("all", "upward"):
        letter = {
            "referral_id": "R",
            "investigation_id": "U",
            "intervention_id": "I",
            "follow_up_id": "F",
        }.get(own, "S")
        row[own] = source_id(consignment.sender, f"{letter}{7_000_000 + 1000 * consignment.arrival + number}")
    spoil = _SPOILERS[kind]
    return BadRow(kind, row) if spoil(row, rendered, source, consignment) else None


def _write(day: date, consignment: Consignment) -> Cell:
    style = consignment.sender.dialect.dates
    if consignment.record_type == "open_support":
        return day.strftime("%Y-%m")
    if style == "cell":
        return day
    return f"{day.day}/{day.month} {day.year}" if style.startswith("%-d") else day.strftime(style)


def _closing_before_opening(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    opening, closing = OPENING[c.record_type]
    if c.record_type == "interventions":
        opening = "started_on"
        row["started_on"] = row["decided_on"]
    begun = rendered.content["decided_on" if opening == "started_on" else opening][source]
    if not isinstance(begun, date):
        return False
    row[closing] = _write(begun - timedelta(days=9), c)
    return True


def _impossible_date(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    row[OPENING[c.record_type][0]] = ("2024-02-30", "2023-13-07", "31/4 2024")[source % 3]
    return True


def _date_missing(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    row[OPENING[c.record_type][0]] = None
    return True


def _moved(row: Row, day: date, c: Consignment) -> bool:
    opening, _ = OPENING[c.record_type]
    for field in ("action_on", "closed_on", "started_on", "ended_on"):
        if field in row:
            row[field] = None
    for field in ("action", "need", "outcome", "end_reason", "result"):
        if field in row and c.record_type != "follow_ups":
            row[field] = None
    row[opening] = _write(day, c)
    return True


def _after_extract(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    return _moved(row, c.extracted_on + timedelta(days=40 + source % 300), c)


def _out_of_period(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    return _moved(row, c.period.first - timedelta(days=40 + source % 90), c)


def _number(rendered: Rendered, source: int) -> str:
    key = rendered.content["child"][source]
    return key if isinstance(key, str) and key.isdigit() else ""


def _id_lost_zero(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    number = _number(rendered, source)
    row["child"] = int(number[2:]) if number[2:3] == "0" else None
    return row["child"] is not None


def _id_scientific(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    number = _number(rendered, source)
    row["child"] = f"{number[0]}.{number[1:6]}E+11" if number else None
    return bool(number)


def _id_wrong_check_digit(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    number = _number(rendered, source)
    row["child"] = number[:8] + "-" + number[8:11] + str((int(number[11]) + 3) % 10) if number else None
    return bool(number)


def _national_id_in_note(row: Row, rendered: Rendered, source: int, c: Consignment) -> bool:
    number = _number(rendered, source)
    row["note"] = f"Syskon {number[:8]}-{number[8:]} nämns" if number else None
    return bool(number)


_SPOILERS: Mapping[str, Callable[[Row, Rendered, int, Consignment], bool]] = {
    "closing_before_opening": _closing_before_opening,
    "impossible_date": _impossible_date,
    "date_missing": _date_missing,
    "after_extract": _after_extract,
    "out_of_period": _out_of_period,
    "id_lost_zero": _id_lost_zero,
    "id_scientific": _id_scientific,
    "id_wrong_check_digit": _id_wrong_check_digit,
    "national_id_in_note": _national_id_in_note,
}

"""From a sender's rows to the cells of its file: ids, dates and numbers as its case system writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from tracker.synth.episodes import Table
from tracker.synth.identities import Identities
from tracker.synth.population import NEVER
from tracker.synth.schedule import Consignment
from tracker.synth.senders import Sender

Cell = str | int | float | date | None
Cells = Mapping[str, Sequence[Cell]]
EPOCH = date(1970, 1, 1)
NOTES = ("Kontakt tas med skolan", "Telefonsamtal", "Se akten", "Syntetisk anteckning", "Möte bokat")


@dataclass(frozen=True)
class Rendered:
    """A file's content: headers and cells by field, all columns equally long.

    ``content`` holds what the row says apart from notation and churning ids; two exports state the
    same when it is equal.
    """

    headers: Mapping[str, str]
    cells: Cells
    content: Cells


def offered(sender: Sender, record_type: str) -> dict[str, str]:
    """Field → header of the columns this municipality can export."""
    columns = dict(sender.dialect.columns[record_type])
    if "bbic" in columns:
        columns.pop("bbic")
    if sender.reasons == "none":
        columns.pop("reasons", None)
    if sender.children == "none" and record_type == "referrals":
        for field in ("child", "birth_date", "referral_id", "case_id", "investigation_id", "note"):
            columns.pop(field, None)
        columns.setdefault("age", "Ålder")
    return columns


def render(rows: Table, coded: Mapping[str, str], consignment: Consignment, who: Identities) -> Rendered:
    """The cells of one file, one entry a row of ``rows``."""
    sender, kind = consignment.sender, consignment.record_type
    headers = offered(sender, kind)
    headers |= {field: field.upper() for field in coded if field[1:].isdigit() and field[0] in "rp"}
    headers |= {
        field: CONDUCT_HEADERS[field] for field in coded if field in CONDUCT_HEADERS and field not in headers
    }
    content = {field: _content(field, rows, coded, consignment, who) for field in headers}
    cells = {field: _cells(field, values, consignment, rows, who) for field, values in content.items()}
    return Rendered(headers, cells, content)


CONDUCT_HEADERS = {
    "guardian_talks": "Samtal VH", "child_talks": "Barnsamtal", "child_alone": "Enskilt samtal",
    "observations": "Observation", "interpreter": "Tolk", "info_educational": "Information skola",
    "info_medical": "Information medicinsk", "info_psychosocial": "Information psykosocial",
    "info_psychological": "Information psykologisk", "info_dental": "Information tandvård",
    "child_wishes": "Barnets önskemål",
}  # fmt: skip


def _content(
    field: str, rows: Table, coded: Mapping[str, str], consignment: Consignment, who: Identities
) -> Sequence[Cell]:
    if field in ("child", "previous_child"):
        return who.keys(rows, consignment) if field == "child" else who.previous(rows, consignment)
    if f"said:{field}" in rows:
        return [said or None for said in rows[f"said:{field}"].tolist()]
    if field in IDS:
        return _ids(field, rows, consignment.sender)
    if field.endswith("_on") or field in ("birth_date", "month"):
        return _days(rows[field].to_numpy())
    return _notes(rows) if field == "note" else list(rows[field].tolist())


def _notes(rows: Table) -> list[Cell]:
    return [NOTES[p % 97] if p % 97 < len(NOTES) else None for p in rows["pick"].tolist()]


def _days(days: np.ndarray) -> list[Cell]:
    known = {int(d): EPOCH + timedelta(days=int(d)) for d in np.unique(days) if d < NEVER}
    return [known.get(d) for d in days.tolist()]


IDS: Mapping[str, str] = {
    "referral_id": "fid", "investigation_id": "investigation", "intervention_id": "intervention",
    "follow_up_id": "fid", "support_id": "fid", "case_id": "case", "referral_ids": "origins",
}  # fmt: skip
OWN = {"referrals": "referral_id", "investigations": "investigation_id", "interventions": "intervention_id"}


def source_id(sender: Sender, fid: str) -> str:
    """The case system's id of a fact; '' for none. Systems that keep ids never change it."""
    if not fid:
        return ""
    letter, number = fid[0], int(fid[1:])
    if sender.dialect.ids == "upward":
        return str(100_000 + 20 * number + "RUIFSG".index(letter))
    return f"{'A' if letter == 'R' else letter}-{number}"


def _ids(field: str, rows: Table, sender: Sender) -> Sequence[Cell]:
    column = IDS[field] if IDS[field] in rows else "fid"
    if field == "case_id":
        return [f"{2000 + c % 7}/{c}" for c in rows["case"].tolist()]
    if field == "referral_ids":
        return ["; ".join(source_id(sender, f) for f in fids) or None for fids in rows["origins"]]
    return [source_id(sender, fid) or None for fid in rows[column].tolist()]


def _cells(
    field: str, content: Sequence[Cell], consignment: Consignment, rows: Table, who: Identities
) -> Sequence[Cell]:
    dialect = consignment.sender.dialect
    if field in ("child", "previous_child"):
        return who.written(content, consignment.sender, rows)
    if field == "month" or (field, consignment.record_type) == ("started_on", "open_support"):
        return [day.strftime("%Y-%m") if isinstance(day, date) else None for day in content]
    if field in IDS and dialect.ids == "own":
        return churned(len(content), consignment)
    if dialect.dates != "cell" and any(isinstance(value, date) for value in content):
        return _written(content, _day_writer(dialect.dates))
    if field == "staff" and dialect.format != "xlsx":
        return [str(value).replace(".", ",") for value in content]
    return content


def churned(count: int, consignment: Consignment) -> list[Cell]:
    """Row numbers of an export: new in every export."""
    start = 1000 * (1 + consignment.extracted_on.toordinal() % 9000)
    return [start + k for k in range(count)]


def _written(content: Sequence[Cell], write: Callable[[date], str]) -> list[Cell]:
    known = {day: write(day) for day in set(content) if isinstance(day, date)}
    return [known[value] if isinstance(value, date) else value for value in content]


def _day_writer(style: str) -> Callable[[date], str]:
    if style.startswith("%-d"):
        return lambda day: f"{day.day}/{day.month} {day.year}"
    return lambda day: day.strftime(style)

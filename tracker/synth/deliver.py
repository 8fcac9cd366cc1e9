"""One delivery: what the case system shows that day, spoilt a little, written, and accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from tracker.synth.bad_rows import EXPECTED, BadRow, bad_rows
from tracker.synth.episodes import Table
from tracker.synth.identities import Identities
from tracker.synth.ledger import Ledger
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, day_number
from tracker.synth.render import Cell, Rendered, render
from tracker.synth.schedule import Consignment
from tracker.synth.sheets import Sheet, as_of
from tracker.synth.writers import Layout, write

LABELS = {
    "referrals": "Aktualiseringar", "investigations": "Utredningar", "interventions": "Beslut och insatser",
    "follow_ups": "Uppföljningar", "open_support": "Öppet stöd", "open_support_counts": "Öppet stöd antal",
    "child_facts": "Barnuppgifter", "municipality_facts": "Kommunuppgifter",
}  # fmt: skip


@dataclass(frozen=True)
class FileRow:
    """One row of one delivered file, and what should become of it when files load in extract order.

    ``kind`` is ``fact``, ``fact_without_child`` (a true fact delivered without any id), ``sum_row`` or a
    kind of bad row; ``fid`` is the true fact. ``certain`` is False
    where ids are not stable and a neighbouring record of the same child and day may take the change.
    """

    file: str
    row: int
    municipality: str
    record_type: str
    kind: str
    fid: str
    outcome: str
    certain: bool


@dataclass(frozen=True)
class Shipment:
    """A file ready to be written: true ids and outcomes of its good rows, bad rows, order of both."""

    consignment: Consignment
    rendered: Rendered
    said: Sequence[tuple[str, str, str, bool]]
    bad: Sequence[BadRow]
    order: Sequence[int]
    layout: Layout


@dataclass(frozen=True)
class Depot:
    """What every shipment draws on."""

    plan: Plan
    who: Identities
    ledger: Ledger
    rng: np.random.Generator


def ship(consignment: Consignment, its: Sheet, depot: Depot) -> Shipment:
    """Make up one file and enter its good rows in the ledger."""
    shown = _shown(consignment, its, depot.ledger)
    rendered = render(shown, its.coded, consignment, depot.who)
    mistaken = its.rows.child[its.rows.removed < NEVER]
    usable = np.flatnonzero(~shown.child.isin(mistaken).to_numpy())
    bad = bad_rows(rendered, usable, consignment, depot.plan.share_bad_rows, depot.rng)
    outcomes, certain = depot.ledger.take(consignment, shown, rendered)
    said = list(zip(_kinds(shown, consignment), shown.fid.tolist(), outcomes, certain, strict=True))
    order = _order(len(said), bad, depot.rng)
    return Shipment(consignment, rendered, said, bad, order, _layout(consignment, rendered))


def _shown(consignment: Consignment, its: Sheet, ledger: Ledger) -> Table:
    first, last = day_number(consignment.period.first), day_number(consignment.period.last)
    shown = as_of(its, day_number(consignment.extracted_on), first, last)
    if consignment.full or not consignment.sender.sidecar:
        return shown
    new = ~shown.fid.isin(ledger.known(consignment))  # an addition holds only what came late
    return shown[new].reset_index(drop=True)


def _kinds(shown: Table, consignment: Consignment) -> list[str]:
    person = consignment.record_type not in ("open_support_counts", "municipality_facts")
    return ["fact_without_child" if person and a else "fact" for a in shown.anonymous.tolist()]


def _order(good: int, bad: Sequence[BadRow], rng: np.random.Generator) -> list[int]:
    """Positions of good rows (0 … good−1) with bad ones (good …) strewn among them."""
    order = list(range(good))
    for k, row in enumerate(bad):
        lowest = order.index(row.after) + 1 if row.after >= 0 else 0
        order.insert(int(rng.integers(lowest, len(order) + 1)), good + k)
    return order


def send(inbox: Path, shipment: Shipment, plan: Plan) -> None:
    """Write the file and its sidecar to the municipality's folder."""
    path = inbox / path_of(shipment.consignment, plan)
    good = list(zip(*shipment.rendered.cells.values(), strict=True))
    good += [tuple(row.cells[field] for field in shipment.rendered.headers) for row in shipment.bad]
    rows: list[tuple[Cell, ...]] = [good[k] for k in shipment.order]
    write(path, list(shipment.rendered.headers.values()), rows, shipment.layout)
    if shipment.consignment.sender.sidecar:
        _sidecar(path, shipment.consignment)


def accounts(shipment: Shipment, plan: Plan) -> list[FileRow]:
    """Every row of the file below the headers, the sum row included."""
    c = shipment.consignment
    where = (c.sender.place.code, c.record_type)
    file, said, first = str(path_of(c, plan)), shipment.said, shipment.layout.first_row
    rows = []
    for number, k in enumerate(shipment.order, start=first):
        if k < len(said):
            kind, fid, outcome, certain = said[k]
            rows.append(FileRow(file, number, *where, kind, fid, outcome, certain))
        else:
            kind = shipment.bad[k - len(said)].kind
            rows.append(FileRow(file, number, *where, kind, "", EXPECTED[kind], True))
    if shipment.layout.sum_row:
        rows.append(FileRow(file, first + len(shipment.order), *where, "sum_row", "", "set_aside", True))
    return rows


def path_of(consignment: Consignment, plan: Plan) -> Path:
    """File below the inbox, named as senders do; always with the Swedish word for synthetic."""
    label, period = LABELS[consignment.record_type], consignment.period
    number, extension = consignment.arrival, _extension(consignment, plan)
    years = "-".join(str(year) for year in sorted({period.first.year, period.last.year}))
    extra = "" if consignment.full or not consignment.sender.sidecar else " komplettering"
    days = f"{period.first:%Y%m%d}-{period.last:%Y%m%d}"
    name = (
        f"Leverans {number} {label} {years}{extra} SYNTETISK",
        f"{number:02d}_{label.replace(' ', '_').lower()}_{years}{extra.strip()}_syntetisk",
        f"syntetisk_{number}_{label.replace(' ', '-')}{extra.strip()}_{days}",
    )[consignment.sender.index % 3]
    return Path(consignment.sender.place.code) / f"{name}.{extension}"


def _extension(consignment: Consignment, plan: Plan) -> str:
    if plan.old_excel and consignment.sender.dialect.name == "Treva":
        return "xls"
    return "xlsx" if plan.only_xlsx else consignment.sender.dialect.format


def _layout(consignment: Consignment, rendered: Rendered) -> Layout:
    d = consignment.sender.dialect
    label = LABELS[consignment.record_type]
    encoding = d.encodings[consignment.sender.index % len(d.encodings)]
    titles = (f"{label} – syntetiska uppgifter, {consignment.sender.place.name}",) if d.titles else ()
    count = len(next(iter(rendered.cells.values())))
    sums: tuple[Cell, ...] = ("Summa", count, *[None] * (len(rendered.headers) - 2)) if d.sums else ()
    return Layout(d.sheet, titles, sums, encoding, d.delimiter)


def _sidecar(path: Path, consignment: Consignment) -> None:
    sender, period = consignment.sender, consignment.period
    said = {
        "record_type": consignment.record_type, "period_from": period.first, "period_to": period.last,
        "full": consignment.full, "extracted_on": consignment.extracted_on, "system": sender.dialect.name,
        "not_opened_complete": sender.not_opened_complete, "stable_ids": sender.stable_ids,
        "stable_child_ids": sender.children != "none", "synthetic": True,
    }  # fmt: skip
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
    path.with_name(path.name + ".yml").write_text(text, "utf-8")

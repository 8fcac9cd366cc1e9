"""The truth beside the deliveries: what a correct system must arrive at.

Written to ``out/truth`` as Parquet: one table a record type with the state each fact should have once
every delivery is loaded (true codes, true links, and whether a link can be known from delivered ids);
``files`` and ``rows`` for every file and every row of it; ``wordings`` for every delivered spelling;
``children``; ``stays`` of the simulated process itself, before anything was delivered; and
``intensities.json``. Days are dates; ids are the simulation's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tracker.synth import bbic
from tracker.synth.deliver import FileRow, path_of
from tracker.synth.episodes import Table
from tracker.synth.identities import Identities
from tracker.synth.ledger import Ledger
from tracker.synth.parameters import as_json
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, Municipality, dates
from tracker.synth.process import Histories
from tracker.synth.schedule import CHAIN, Consignment
from tracker.synth.sheets import CODEBOOKS

OTHER = ("open_support", "open_support_counts", "child_facts", "municipality_facts")


@dataclass(frozen=True)
class Truth:
    """Summary of a generated collection: counts by record type, files, rows, bad rows."""

    plan: str
    seed: int
    files: int
    rows: int
    bad_rows: int
    facts: Mapping[str, int]
    seconds: Mapping[str, float]


def final_table(record_type: str, ledger: Ledger, who: Identities) -> Table:
    """The state of every fact of one record type as the log should show it."""
    parts = [_final(consignment, rows, who) for consignment, rows in ledger.final(record_type)]
    if not parts:
        return pd.DataFrame({"fid": pd.Series(dtype=object), "municipality": pd.Series(dtype=object)})
    return pd.concat(parts, ignore_index=True).sort_values("fid", ignore_index=True)


def _final(consignment: Consignment, rows: Table, who: Identities) -> Table:
    sender = consignment.sender
    hidden = [c for c in rows if str(c).startswith(("wrong", "said:sex")) or c in _INNER]
    table = rows.drop(columns=hidden).rename(columns=lambda c: c.replace("said:", "said_"))
    table.insert(1, "municipality", sender.place.code)
    table["subject"] = _subjects(rows, consignment, who)
    table["offered"] = ",".join(sender.dialect.columns[consignment.record_type])
    table["dialect"], table["ids"] = sender.dialect.name, sender.dialect.ids
    table["stable_ids"] = sender.stable_ids
    if "reasons" in table:
        table["reasons_delivered"] = sender.reasons != "none"
    return table


_INNER = ("place", "fixed", "pick", "registered", "removed", "unborn")


def _subjects(rows: Table, consignment: Consignment, who: Identities) -> list[str | None]:
    """Who the receiver can know a row to be about: first number, or local id within the municipality."""
    found = []
    for child, anonymous in zip(rows.child.tolist(), rows.anonymous.tolist(), strict=True):
        key = None if anonymous else who.key(child, consignment.sender, later=False)
        local = key is not None and not key.isdigit()
        found.append(f"{consignment.sender.place.code}:{key}" if local else key)
    return found


def with_links(tables: Mapping[str, Table]) -> dict[str, Table]:
    """Add, to each table, whether its true link is stated by delivered ids and its other end delivered."""
    result = dict(tables)
    listed = _listed(tables["investigations"])
    r = tables["referrals"]
    if len(r) and "investigation" in r:
        own = r.ids.eq("all") & r.stable_ids
        upward = pd.Series(
            [pair in listed for pair in zip(r.investigation, r.fid, strict=True)], index=r.index
        )
        there = r.investigation.isin(set(tables["investigations"].fid))
        result["referrals"] = r.assign(explicit=there & ((own) | (upward & r.stable_ids)))
    for name, column, other in (
        ("interventions", "investigation", "investigations"), ("follow_ups", "intervention", "interventions"),
    ):  # fmt: skip
        table = tables[name]
        if len(table):
            there = table[column].isin(set(tables[other].fid))
            result[name] = table.assign(explicit=there & table.stable_ids)
    return result


def _listed(investigations: Table) -> set[tuple[str, str]]:
    if not len(investigations):
        return set()
    known = investigations[investigations.stable_ids]
    return {(i, r) for i, origins in zip(known.fid, known.origins, strict=True) for r in origins}


def final_tables(ledger: Ledger, who: Identities) -> dict[str, Table]:
    """The state of every fact as the log should show it, by record type, with links judged."""
    return with_links({name: final_table(name, ledger, who) for name in (*CHAIN, *OTHER)})


def process_tables(
    histories: Histories, places: Sequence[Municipality], who: Identities, tables: Mapping[str, Table]
) -> dict[str, Table]:
    """``children`` that appear in a delivery, and ``stays`` of the process before any delivery."""
    return {"children": _children(histories, who, tables), "stays": _stays(histories, places)}


def write_truth(folder: Path, tables: Mapping[str, Table]) -> None:
    """Write each table as ``folder/<name>.parquet``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(folder / f"{name}.parquet", _dated(table))


def write_records(folder: Path, rows: Sequence[FileRow], ledger: Ledger, plan: Plan) -> None:
    """Write ``rows``, ``files``, ``wordings`` and the intensities of the process."""
    write_table(folder / "files.parquet", _files(ledger, plan))
    write_table(folder / "rows.parquet", pd.DataFrame([vars(r) for r in rows]))
    write_table(folder / "wordings.parquet", wordings(ledger))
    text = json.dumps(as_json(plan.parameters), ensure_ascii=False, indent=1)
    (folder / "intensities.json").write_text(text + "\n", "utf-8")


def _dated(table: Table) -> Table:
    days = [c for c in map(str, table) if c.endswith("_on") or c in ("day", "birth_date", "month")]
    return table.assign(**{c: dates(table[c].to_numpy(np.int32)).to_numpy() for c in days})


def write_table(path: Path, table: Table) -> None:
    """One Parquet file that says of itself that it is synthetic; dates as date32."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    for k, column in enumerate(arrow.schema):
        if pa.types.is_timestamp(column.type):
            arrow = arrow.set_column(k, column.name, arrow.column(k).cast(pa.date32()))
    pq.write_table(arrow.replace_schema_metadata({"synthetic": "true"}), path)


def _files(ledger: Ledger, plan: Plan) -> Table:
    """Every delivered file, in extract order, with what it covers and how many true facts it states."""
    return pd.DataFrame([
        {
            "file": str(path_of(c, plan)), "municipality": c.sender.place.code, "record_type": c.record_type,
            "period_from": c.period.first, "period_to": c.period.last, "full": c.full,
            "extracted_on": c.extracted_on, "system": c.sender.dialect.name, "sidecar": c.sender.sidecar,
            "arrival": c.arrival, "facts": len(rows),
        }
        for c, rows in ledger.frames
    ])  # fmt: skip


def wordings(ledger: Ledger) -> Table:
    """Every delivered spelling: codebook, municipality, text, true codes, whether it is a local secret."""
    found: dict[tuple[str, str, str, str, tuple[str, ...]], int] = {}
    for consignment, rows in ledger.frames:
        where = (consignment.sender.place.code, consignment.sender.dialect.name)
        for field, codebook in _coded(consignment.record_type, rows):
            codes = rows[field].tolist()
            for said, code in zip(rows[f"said:{field}"].tolist(), codes, strict=True):
                if said:
                    key = (codebook, *where, said, code if isinstance(code, tuple) else (code,))
                    found[key] = found.get(key, 0) + 1
    secret = _secret_texts(ledger)
    table = pd.DataFrame(
        [
            (*key[:4], list(key[4]), any(s in key[3] for s in secret.get(key[1], ())), n)
            for key, n in sorted(found.items())
        ],
        columns=["codebook", "municipality", "system", "wording", "codes", "secret", "rows"],
    )
    return table


def _coded(record_type: str, rows: Table) -> list[tuple[str, str]]:
    books = {**CODEBOOKS[record_type], "reasons": "referral_reason"}
    if record_type == "investigations":
        books |= bbic.CODEBOOKS
    return [(field, book) for field, book in books.items() if f"said:{field}" in rows]


def _secret_texts(ledger: Ledger) -> dict[str, set[str]]:
    return {
        c.sender.place.code: {text for codes in c.sender.lexicon.secret.values() for text in codes.values()}
        for c, _ in ledger.frames
    }


def _children(h: Histories, who: Identities, tables: Mapping[str, Table]) -> Table:
    used = sorted({int(c) for table in tables.values() if "child" in table for c in table.child if c >= 0})
    child = np.asarray(used, dtype=int)
    p = h.people
    return pd.DataFrame({
        "child": child, "sex": np.where(p.boy[child], "boy", "girl"), "birth_date": p.birth[child],
        "number": [who.number[c] or None for c in used], "kind": who.kind[child],
        "later_number": [who.later[c] or None for c in used], "frequent": p.frequent[child],
        "earlier_episodes": p.prior[child], "moves_on": p.moves_on[child], "dies_on": p.dies_on[child],
    })  # fmt: skip


def _stays(h: Histories, places: Sequence[Municipality]) -> Table:
    """Every stay in a stage as it truly was: state, entered, left (absent: never left or never decided)."""
    d = h.interventions
    granted, running = d[d.decision == 0], d[d.started < NEVER]
    parts = [
        _stay("referral", h.referrals, "received", "concluded"),
        _stay("investigation", h.investigations, "opened", "closed"),
        _stay("granted", granted, "decided", "started"),
        _stay("intervention", running, "started", "ended"),
    ]
    stays = pd.concat(parts, ignore_index=True)
    codes = np.asarray([m.code for m in places], dtype=object)
    return stays.assign(municipality=codes[stays.pop("place").to_numpy()])


def _stay(state: str, table: Table, entered: str, left: str) -> Table:
    return pd.DataFrame({
        "child": table.child.to_numpy(), "place": table.municipality.to_numpy(), "state": state,
        "entered_on": table[entered].to_numpy(), "left_on": table[left].to_numpy(),
    })  # fmt: skip

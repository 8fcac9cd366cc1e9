"""Generate a synthetic collection: children, histories, files, and the truth beside them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from tracker.synth.bad_rows import EXPECTED, BadRow, bad_rows
from tracker.synth.episodes import Table
from tracker.synth.facts import clean_facts
from tracker.synth.identities import Identities, changes, identities
from tracker.synth.ledger import Ledger
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, Children, Municipality, children, day_number, municipalities
from tracker.synth.process import PILOT, Histories, children_needed, in_window, simulate
from tracker.synth.render import Cell, Rendered, render
from tracker.synth.schedule import Consignment, consignments
from tracker.synth.senders import Sender, senders
from tracker.synth.sheets import Sheet, as_of, sheet
from tracker.synth.truth import FileRow, Truth, write_truth
from tracker.synth.writers import Layout, write

Progress = Callable[[str, int, int], None]
LABELS = {
    "referrals": "Aktualiseringar", "investigations": "Utredningar", "interventions": "Beslut och insatser",
    "follow_ups": "Uppföljningar", "open_support": "Öppet stöd", "open_support_counts": "Öppet stöd antal",
    "child_facts": "Barnuppgifter", "municipality_facts": "Kommunuppgifter",
}  # fmt: skip


def generate(out: Path, plan: Plan, seed: int, progress: Progress | None = None) -> Truth:
    """Write ``out/inbox``, ``out/truth`` and ``out/manifest.json`` for a plan; the same seed, the same content.

    ``progress`` is told the step, how much is done and how much there is. Raises FileExistsError where
    ``out/inbox`` holds files already.
    """
    tell = progress or (lambda step, done, total: None)
    inbox = out / "inbox"
    if inbox.exists() and any(inbox.iterdir()):
        raise FileExistsError(f"{inbox} is not empty; choose another folder or remove it first")
    clock = _Clock()
    world = _world(plan, seed, tell)
    clock.lap("simulate")
    rows = _deliver(inbox, plan, world, tell)
    clock.lap("write files")
    facts = write_truth(out, world.histories, plan, world.places, world.ledger, world.who, rows)
    clock.lap("write truth")
    bad = sum(row.kind in EXPECTED for row in rows)
    files = len({row.file for row in rows})
    summary = Truth(plan.name, seed, files, len(rows), bad, facts, clock.laps)
    _manifest(out, plan, summary)
    return summary


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.start = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self.start = round(now - self.start, 2), now


@dataclass(frozen=True)
class _World:
    places: tuple[Municipality, ...]
    histories: Histories
    everyone: tuple[Sender, ...]
    sheets: Mapping[tuple[int, str], Sheet]
    who: Identities
    ledger: Ledger
    rng: np.random.Generator


def _world(plan: Plan, seed: int, tell: Progress) -> _World:
    rng = np.random.default_rng(seed)
    places = municipalities(plan.municipalities)
    tell("simulate", 0, 3)
    people = _people(plan, places, rng)
    tell("simulate", 1, 3)
    histories = simulate(people, plan, rng)
    tell("simulate", 2, 3)
    everyone = senders(plan, places, rng)
    facts = dict(clean_facts(histories, plan, places, rng))
    used = np.unique(np.concatenate([f.child.to_numpy() for f in facts.values()]))
    who = identities(people, used[used >= 0], plan, rng)
    facts["child_facts"] = pd.concat(
        [facts["child_facts"], _number_changes(facts, everyone, who)], ignore_index=True
    )
    sheets = _sheets(facts, everyone, plan, rng)
    tell("simulate", 3, 3)
    return _World(places, histories, everyone, sheets, who, Ledger(), rng)


def _people(plan: Plan, places: tuple[Municipality, ...], rng: np.random.Generator) -> Children:
    """As many children as give the expected number of referrals, by a pilot run of the same process."""
    pilot = children(plan, places, PILOT, rng)
    per_child = in_window(simulate(pilot, plan, rng), plan) / PILOT
    return children(plan, places, children_needed(plan, per_child), rng)


def _number_changes(facts: Mapping[str, Table], everyone: tuple[Sender, ...], who: Identities) -> Table:
    """Child facts that tell of a new national id, where a sender's deliveries show the change."""
    telling = [s.index for s in everyone if changes(s)]
    seen = facts["referrals"][["child", "place"]].drop_duplicates()
    seen = seen[seen.place.isin(telling) & seen.child.map(lambda c: bool(who.later[c]))]
    day = who.changes_on
    return seen.assign(
        day=day, known_on=day, registered=day, fact="number_changed", value="",
        fid=[f"B{8_000_000 + k:07d}" for k in range(len(seen))],
    )  # fmt: skip


def _sheets(
    facts: Mapping[str, Table], everyone: tuple[Sender, ...], plan: Plan, rng: np.random.Generator
) -> dict[tuple[int, str], Sheet]:
    wanted = {(c.sender.index, c.record_type) for c in consignments(plan, everyone)}
    sheets = {}
    for record_type, frame in facts.items():
        own = dict(tuple(frame.groupby("place")))
        for sender in everyone:
            if (sender.index, record_type) in wanted:
                mine = own.get(sender.index, frame[:0]).sort_values(["day", "fid"], ignore_index=True)
                sheets[sender.index, record_type] = sheet(record_type, mine, sender, plan, rng)
    return sheets


def _deliver(inbox: Path, plan: Plan, world: _World, tell: Progress) -> list[FileRow]:
    rows: list[FileRow] = []
    planned = consignments(plan, world.everyone)
    for number, consignment in enumerate(planned):
        tell("write files", number, len(planned))
        rows += _one_file(inbox, plan, world, consignment)
    tell("write files", len(planned), len(planned))
    return rows


def _one_file(inbox: Path, plan: Plan, world: _World, consignment: Consignment) -> list[FileRow]:
    its = world.sheets[consignment.sender.index, consignment.record_type]
    extracted = day_number(consignment.extracted_on)
    first, last = day_number(consignment.period.first), day_number(consignment.period.last)
    shown = as_of(its, extracted, first, last)
    if not consignment.full and consignment.sender.sidecar:
        shown = shown[~shown.fid.isin(world.ledger.known(consignment))].reset_index(drop=True)
    rendered = render(shown, its.coded, consignment, world.who)
    usable = np.flatnonzero(~shown.child.isin(its.rows.child[its.rows.removed < NEVER]).to_numpy())
    bad = bad_rows(rendered, usable, consignment, plan.share_bad_rows, world.rng)
    outcomes, certain = world.ledger.take(consignment, shown, rendered)
    order = _order(len(shown), len(bad), world.rng)
    path = inbox / consignment.sender.place.code / _name(consignment, plan)
    layout = _layout(consignment, rendered)
    write(path, list(rendered.headers.values()), _table(rendered, bad, order), layout)
    if consignment.sender.sidecar:
        _sidecar(path, consignment)
    said = list(zip(shown.fid, outcomes, certain, strict=True))
    return _accounts(path.relative_to(inbox), consignment, said, bad, order, layout)


def _order(good: int, bad: int, rng: np.random.Generator) -> list[int]:
    """Positions of good rows (0 … good−1) with bad ones (good …) strewn among them."""
    order = list(range(good))
    for k in range(bad):
        order.insert(int(rng.integers(len(order) + 1)), good + k)
    return order


def _table(rendered: Rendered, bad: list[BadRow], order: list[int]) -> list[tuple[Cell, ...]]:
    good = list(zip(*rendered.cells.values(), strict=True))
    good += [tuple(row.cells[field] for field in rendered.headers) for row in bad]
    return [good[k] for k in order]


def _accounts(
    file: Path,
    consignment: Consignment,
    said: list[tuple[str, str, bool]],
    bad: list[BadRow],
    order: list[int],
    layout: Layout,
) -> list[FileRow]:
    where = (consignment.sender.place.code, consignment.record_type)
    rows = []
    for number, k in enumerate(order, start=layout.first_row):
        if k < len(said):
            rows.append(FileRow(str(file), number, *where, "fact", *said[k]))
        else:
            kind = bad[k - len(said)].kind
            rows.append(FileRow(str(file), number, *where, kind, "", EXPECTED[kind], True))
    if layout.sum_row:
        rows.append(
            FileRow(str(file), layout.first_row + len(order), *where, "sum_row", "", "set_aside", True)
        )
    return rows


def _name(consignment: Consignment, plan: Plan) -> str:
    """File names as senders give them; always with the word synthetic in Swedish."""
    label, period = LABELS[consignment.record_type], consignment.period
    extension = _extension(consignment, plan)
    years = (
        f"{period.first.year}-{period.last.year}"
        if period.first.year != period.last.year
        else f"{period.first.year}"
    )
    extra = "" if consignment.full or not consignment.sender.sidecar else " komplettering"
    style = consignment.sender.index % 3
    if style == 0:
        return f"Leverans {consignment.arrival} {label} {years}{extra} SYNTETISK.{extension}"
    if style == 1:
        return f"{consignment.arrival:02d}_{label.replace(' ', '_').lower()}_{years}{extra.strip()}_syntetisk.{extension}"
    return f"syntetisk_{consignment.arrival}_{label.replace(' ', '-')}{extra.strip()}_{period.first:%Y%m%d}-{period.last:%Y%m%d}.{extension}"


def _extension(consignment: Consignment, plan: Plan) -> str:
    if plan.old_excel and consignment.sender.dialect.name == "Lifebook":
        return "xls"
    return "xlsx" if plan.only_xlsx else consignment.sender.dialect.format


def _layout(consignment: Consignment, rendered: Rendered) -> Layout:
    d = consignment.sender.dialect
    label = LABELS[consignment.record_type]
    titles = (f"{label} – syntetiska uppgifter, {consignment.sender.place.name}",) if d.titles else ()
    count = len(next(iter(rendered.cells.values())))
    sums: tuple[Cell, ...] = ("Summa", count, *[None] * (len(rendered.headers) - 2)) if d.sums else ()
    return Layout(d.sheet, titles, sums, d.encoding, d.delimiter)


def _sidecar(path: Path, consignment: Consignment) -> None:
    sender, period = consignment.sender, consignment.period
    said = {
        "record_type": consignment.record_type, "period_from": period.first, "period_to": period.last,
        "full": consignment.full, "extracted_on": consignment.extracted_on, "system": sender.dialect.name,
        "not_opened_complete": sender.not_opened_complete, "stable_ids": sender.stable_ids,
        "stable_child_ids": sender.children != "none", "synthetic": True,
    }  # fmt: skip
    path.with_name(path.name + ".yml").write_text(
        yaml.safe_dump(said, sort_keys=False, allow_unicode=True), "utf-8"
    )


def _manifest(out: Path, plan: Plan, summary: Truth) -> None:
    said = {
        "format": "tracker-synth/1", "synthetic": True, "note": "No row stands for a real child.",
        "window": str(plan.window), "last_extract": plan.last_extract.isoformat(), **asdict(summary),
    }  # fmt: skip
    said.pop("seconds")
    (out / "manifest.json").write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", "utf-8")

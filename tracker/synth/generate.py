"""Generate a synthetic collection: children, histories, files, and the truth beside them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tracker.synth.bad_rows import EXPECTED
from tracker.synth.deliver import Depot, FileRow, accounts, send, ship
from tracker.synth.episodes import Table
from tracker.synth.facts import clean_facts
from tracker.synth.identities import Identities, changes, identities
from tracker.synth.ledger import Ledger
from tracker.synth.plan import Plan
from tracker.synth.population import Children, Municipality, children, municipalities
from tracker.synth.process import PILOT, Histories, children_needed, in_window, simulate
from tracker.synth.schedule import consignments
from tracker.synth.senders import Sender, senders
from tracker.synth.sheets import Sheet, sheet
from tracker.synth.truth import Truth, final_tables, process_tables, write_records, write_truth

Progress = Callable[[str, int, int], None]


def generate(out: Path, plan: Plan, seed: int, progress: Progress | None = None) -> Truth:
    """Write ``out/inbox``, ``out/truth`` and ``out/manifest.json`` of a plan; one seed, one content.

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
    tables = final_tables(world.ledger, world.who)
    write_truth(out / "truth", {**tables, **process_tables(world.histories, world.places, world.who, tables)})
    write_records(out / "truth", rows, world.ledger, plan)
    facts = {name: len(table) for name, table in tables.items()}
    clock.lap("write truth")
    bad = sum(row.kind in EXPECTED for row in rows)
    summary = Truth(plan.name, seed, len(world.ledger.frames), len(rows), bad, facts, clock.laps)
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
    seen = pd.concat([frame[["child", "place"]] for frame in facts.values()]).drop_duplicates()
    seen = seen[seen.place.isin(telling) & seen.child.map(lambda c: c >= 0 and bool(who.later[c]))]
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
    depot = Depot(plan, world.who, world.ledger, world.rng)
    for number, consignment in enumerate(planned):
        tell("write files", number, len(planned))
        its = world.sheets[consignment.sender.index, consignment.record_type]
        shipment = ship(consignment, its, depot)
        send(inbox, shipment, plan)
        rows += accounts(shipment, plan)
    tell("write files", len(planned), len(planned))
    return rows


def _manifest(out: Path, plan: Plan, summary: Truth) -> None:
    said = {
        "format": "tracker-synth/1", "synthetic": True, "note": "No row stands for a real child.",
        "window": str(plan.window), "last_extract": plan.last_extract.isoformat(), **asdict(summary),
    }  # fmt: skip
    said.pop("seconds")
    (out / "manifest.json").write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", "utf-8")

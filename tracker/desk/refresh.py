"""The snapshot of the day: made for the log's newest position, with its flow summary, and checked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tracker.desk.drift import drift
from tracker.desk.snapshots import resolve, take_snapshot
from tracker.desk.timelines import declared
from tracker.domain.errors import CheckFailed, SnapshotError
from tracker.domain.timeline import Spell
from tracker.postgres.accounting import problems_of_accounting
from tracker.postgres.log_reading import child_reader
from tracker.projections.coverage import Seen
from tracker.projections.evolve import evolve
from tracker.projections.flow_summary import flow_summary
from tracker.projections.snapshot import Snapshot
from tracker.publish.flow_report import write_flow
from tracker.publish.tables import TableFormat
from tracker.wiring import Installation


@dataclass(frozen=True)
class Refreshed:
    """A snapshot on disk and the position it was cut at."""

    position: int
    folder: Path


def refresh(place: Installation, as_of: str | None = None) -> Refreshed:
    """The snapshot as of a position, a day or a time (None: the log's end), made unless it stands already.

    One snapshot a position, in the folder of snapshots; a change of codebook makes it anew.
    """
    position = resolve(place.url, as_of)
    folder, codebooks = place.settings.snapshots / f"{position:012d}", place.codebooks()
    if not _stands(folder, codebooks.version):
        folder.parent.mkdir(parents=True, exist_ok=True)
        take_snapshot(place.url, folder, codebooks, position, lambda step: None)
    return Refreshed(position, folder)


def _stands(folder: Path, codebook: str) -> bool:
    try:
        return Snapshot.open(folder).manifest.codebook == codebook
    except SnapshotError:
        return False


def write_flow_of(folder: Path) -> list[Path]:
    """The flow summary beside a snapshot: tables, picture and page."""
    out = folder.with_name(f"{folder.name}-flow")
    formats = [TableFormat.XLSX, TableFormat.CSV, TableFormat.PARQUET]
    return write_flow(flow_summary(Snapshot.open(folder)), out, formats, picture=True)


def replayed_differently(place: Installation, folder: Path, sample: int = 200) -> list[str]:
    """Subjects of a sample whose timeline, folded anew from the log, differs from the snapshot.

    The sample is drawn by the position, so that a rerun looks at the same children. An empty list is what
    must come back.
    """
    snapshot = Snapshot.open(folder)
    position = snapshot.manifest.position
    everyone = snapshot.arrow("children").column("subject_id").to_pylist()
    chosen = random.Random(position).sample(everyone, min(sample, len(everyone)))
    written = _spells_of(snapshot, chosen)
    seen, codebooks = Seen(declared(place.url, position)), place.codebooks()
    replayed: dict[str, list[tuple[object, ...]]] = {}
    with child_reader(place.url) as reader:
        for one in chosen:
            events = reader.events(one, position)
            ids = reader.churning_ids(events, position)
            replayed[one] = [_told(spell) for spell in evolve(one, events, codebooks, seen, ids=ids).spells]
    return [one for one in chosen if replayed[one] != written.get(one, [])]


def _told(spell: Spell) -> tuple[object, ...]:
    known = asdict(spell)
    return tuple(str(known[name]) for name in _COMPARED)


_COMPARED = (
    *("municipality", "episode", "state", "entered_on", "entered_step", "left_on", "left_step", "to_state"),
    *("exit", "state_entered_on", "episode_entered_on"),
)


def _spells_of(snapshot: Snapshot, chosen: Sequence[str]) -> dict[str, list[tuple[object, ...]]]:
    rows = (
        snapshot.duckdb()
        .execute(
            f"SELECT subject_id, {', '.join(_COMPARED)} FROM spells WHERE subject_id IN "
            "(SELECT unnest(?)) ORDER BY subject_id, spell",
            [list(chosen)],
        )
        .fetchall()
    )
    found: dict[str, list[tuple[object, ...]]] = {}
    for subject, *values in rows:
        found.setdefault(subject, []).append(tuple(str(value) for value in values))
    return found


def check(place: Installation, folder: Path) -> list[str]:
    """Hold a snapshot against the log; lines to tell. Raises ``CheckFailed`` for what must never be.

    Drift is told and never raised: it may be true.
    """
    if wrong := problems_of_accounting(place.url):
        raise CheckFailed(
            f"the log does not add up ({'; '.join(wrong[:3])}); do not publish from {folder.name}; "
            "see docs/runbook.md, «The check of a snapshot failed»"
        )
    if wrong := replayed_differently(place, folder):
        raise CheckFailed(
            f"{len(wrong)} of a sample of children differ between the log and the snapshot {folder.name}; "
            "do not publish from it; see docs/runbook.md, «The check of a snapshot failed»"
        )
    return [
        "every row read is accounted for, and positions have no holes",
        "a sample of children replayed from the log is as in the snapshot",
        *(f"{one.municipality} {one.record_type}: {one.sentence}" for one in drift(place)),
    ]

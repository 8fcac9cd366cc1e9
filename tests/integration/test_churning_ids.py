"""What exports called their facts, read from PostgreSQL as of a position: by the snapshot, for one child."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from tests.generative.test_links_by_order import CODEBOOKS, FAR, NEAR, REFERRAL, Export, claims
from tracker.desk.snapshots import take_snapshot
from tracker.desk.timelines import declared
from tracker.domain.timeline import LinkMethod
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.log_reading import child_reader
from tracker.projections.coverage import Seen
from tracker.projections.evolve import evolve
from tracker.projections.snapshot import Snapshot
from tracker.record.stage import stage

FIRST = Export("referrals", 21, True, (REFERRAL,))
INVESTIGATIONS = Export("investigations", 22, True, (FAR, NEAR))
AGAIN = Export("referrals", 22, True, (REFERRAL,))
SUBJECT = str(UUID(int=1))


def load_all(url: str, exports: Sequence[Export], municipality: str) -> list[int]:
    """Load in the order given; the position after each."""
    log, positions = PostgresLog(url), []
    for export in exports:
        number = log.register(municipality, "x.xlsx", sha256(repr(export).encode()).digest(), 1).delivery_no
        log.load(number, stage(claims(export, municipality)))
        positions.append(log.position())
    return positions


def in_snapshot(url: str, folder: Path, position: int) -> list[tuple[str, str | None]]:
    """Method and day of the investigation of every referral."""
    take_snapshot(url, folder, CODEBOOKS, position, lambda step: None)
    rows = (
        Snapshot.open(folder)
        .duckdb()
        .execute(
            "SELECT r.link_method, opened_on::VARCHAR FROM referrals r "
            "LEFT JOIN investigations i ON i.fact_id = r.investigation_id ORDER BY ALL"
        )
    )
    return rows.fetchall()


def of_the_child(url: str, position: int) -> list[LinkMethod]:
    with child_reader(url) as reader:
        events = reader.events(SUBJECT, position)
        ids = reader.churning_ids(events, position)
    timeline = evolve(SUBJECT, events, CODEBOOKS, Seen(declared(url, position)), ids=ids)
    return [link.method for link in timeline.links]


def test_ids_count_from_the_position_at_which_they_were_told(database: str, tmp_path: Path) -> None:
    _, before, after = load_all(database, (FIRST, INVESTIGATIONS, AGAIN), "0180")
    assert in_snapshot(database, tmp_path / "before", before) == [("nearest", "2024-01-04")]
    assert of_the_child(database, before) == [LinkMethod.NEAREST]
    assert in_snapshot(database, tmp_path / "after", after) == [("explicit", "2024-01-10")]
    assert of_the_child(database, after) == [LinkMethod.EXPLICIT]


def test_the_order_of_arrival_does_not_matter(database: str, tmp_path: Path) -> None:
    load_all(database, (FIRST, INVESTIGATIONS, AGAIN), "0180")
    *_, last = load_all(database, (AGAIN, INVESTIGATIONS, FIRST), "0184")
    assert in_snapshot(database, tmp_path / "both", last) == [("explicit", "2024-01-10")] * 2


def test_a_preview_and_a_held_delivery_leave_nothing(database: str) -> None:
    many = Export("referrals", 21, True, tuple({**REFERRAL, "received_on": day} for day in range(8)))
    load_all(database, (many,), "0180")
    log = PostgresLog(database)
    before = list(log.churning_ids())
    assert len(before) == 8
    load_all(database, (AGAIN,), "0180")  # full and without seven of eight: held
    log.preview(stage(claims(AGAIN)))
    assert list(log.churning_ids()) == before

"""Exports for projects of research: under the project's own ids, and entered in the ledger, every one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tracker.domain.errors import DatabaseUnavailable, SchemaMismatch, SnapshotError, UsageError
from tracker.intake.privacy_guard import safe_text
from tracker.postgres.embedded import EmbeddedServer, ServerState
from tracker.postgres.erasure import PostgresErasures
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.exports import Export, PostgresExports
from tracker.projections.cohort import StudyCohort, draw
from tracker.projections.cohort_reading import read_cohort
from tracker.projections.snapshot import Manifest, Snapshot
from tracker.publish.exports.forms import Order, form_for
from tracker.publish.exports.material import Pseudonyms, read_material
from tracker.publish.exports.writing import Made, write_export
from tracker.settings import Settings
from tracker.wiring import Installation, keyring, open_installation

NO_LEDGER = (
    "Every export is entered in the ledger of the controller's database, and there is none here; export "
    "where the database is, or name it in TRACKER_DATABASE_URL."
)


@dataclass(frozen=True)
class Wish:
    """What a researcher asks for. ``reason`` is given with exact dates, and only then has to be."""

    project: str
    form: str
    fmt: str
    cohort: Path | None = None
    exact_dates: bool = False
    reason: str = ""
    language: str = "en"


def installation_with_ledger(settings: Settings) -> Installation:
    """The installation whose ledger the export is entered in; raises ``UsageError`` where there is none."""
    if not settings.database_url and EmbeddedServer(settings.postgres).status() is ServerState.ABSENT:
        raise UsageError(NO_LEDGER)
    try:
        return open_installation(settings)
    except (DatabaseUnavailable, SchemaMismatch) as absent:
        raise type(absent)(f"{NO_LEDGER[:-1]} ({absent}).") from None


def export(
    folder: Path, wish: Wish, out: Path, place: Installation, progress: Callable[[str], None]
) -> tuple[Made, int]:
    """Write an export of a snapshot to ``out`` and enter it in the ledger; returns it and its number there.

    Raises ``UsageError`` for what does not exist or exact dates without a reason, ``SnapshotError`` for a
    snapshot that is not of this log, or older than an erasure.
    """
    form, fmt = form_for(wish.form, wish.fmt)
    _require_reason(wish, persons=form.persons)
    key = keyring(place.settings).project(wish.project)
    names = Pseudonyms(key.namer("subject"), key.namer("fact"))
    progress("snapshot")
    snapshot = Snapshot.open(folder)
    _require_of_this_log(snapshot.manifest, place.url)
    with tempfile.TemporaryDirectory(prefix="tracker-export-") as work:
        cohort = _draw(snapshot, wish.cohort, Path(work), progress)
        material = read_material(snapshot, cohort, names, exact=wish.exact_dates)
        numbers: list[int] = []
        made = write_export(
            Order(wish.project, form, fmt, wish.language),
            material,
            out,
            lambda ready: numbers.append(PostgresExports(place.url).enter(_entry(wish, ready))),
            progress,
        )
    return made, numbers[0]


def _require_reason(wish: Wish, *, persons: bool) -> None:
    if wish.exact_dates and not persons:
        raise UsageError(f"{wish.form} holds no rows of persons and no dates; leave out --exact-dates.")
    if wish.exact_dates and not wish.reason.strip():
        raise UsageError("Exact dates leave for a reason, which is kept in the ledger: --reason TEXT.")
    if safe_text(wish.reason) != wish.reason:
        raise UsageError("The reason looks as if it held a national id; it is kept for ever, without names.")


def _require_of_this_log(manifest: Manifest, url: str) -> None:
    if manifest.position > PostgresLog(url).position():
        raise SnapshotError(
            f"The log of this database ends before position {manifest.position}: the snapshot is not of it."
        )
    if manifest.erasures != PostgresErasures(url).count():
        raise SnapshotError(
            "There have been erasures since the snapshot was made; make it again: tracker snapshot."
        )


def _draw(
    snapshot: Snapshot, cohort: Path | None, work: Path, progress: Callable[[str], None]
) -> StudyCohort | None:
    if cohort is None:
        return None
    progress("cohort")
    return draw(snapshot, read_cohort(cohort), work)


def _entry(wish: Wish, made: Made) -> Export:
    told = made.manifest
    return Export(
        wish.project,
        told["form"],
        told["file_format"],
        wish.exact_dates,
        wish.reason.strip(),
        told["cohort"]["version"] if told["cohort"] else "",
        made.persons,
        made.rows,
        told["snapshot"]["position"],
        told["snapshot"]["codebook"],
        told["software"],
        made.digest,
    )

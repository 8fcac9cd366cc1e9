"""Retention: what is old goes, by rule and in numbers; what still waits for somebody stays.

Removed are stored files older than ``TRACKER_STORE_DAYS``, left-over parts of writings older than a day, all
but the ``TRACKER_KEEP_SNAPSHOTS`` newest snapshots, and backups older than ``TRACKER_BACKUP_DAYS`` but the
newest whole one. Nothing here reads a file. Running it twice is running it once.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tracker.desk.backup_folder import MANIFEST
from tracker.domain.delivery import DeliveryState, Outcome
from tracker.postgres import reading
from tracker.postgres.erasure import PostgresErasures
from tracker.telling import tell
from tracker.wiring import Installation

PART_AGE = timedelta(days=1)
SNAPSHOT = re.compile(r"(\d{12})(-flow)?")


@dataclass(frozen=True)
class Due:
    """One kind of thing over its time: files or folders to remove, and how many as old wait and stay."""

    what: str
    paths: Sequence[Path]
    kept_waiting: int = 0

    @property
    def told(self) -> dict[str, int | str]:
        """In numbers."""
        size = sum(map(_size, self.paths))
        return {"what": self.what, "number": len(self.paths), "bytes": size, "waiting": self.kept_waiting}


def due(place: Installation, now: datetime, *, waiting_too: bool = False) -> list[Due]:
    """What is over its time.

    Stored files of deliveries that are received, held, or have rows in quarantine stay for a retry unless
    ``waiting_too``; of those, files that hold somebody erased go when their time is over all the same.
    """
    settings = place.settings
    return [
        _stored_files(place, now - timedelta(days=settings.store_days), waiting_too=waiting_too),
        Due("left-over parts", _aged(_parts(place), now - PART_AGE)),
        Due("snapshots", _snapshots(settings.snapshots, settings.keep_snapshots)),
        Due("backups", _backups(settings.backups, now - timedelta(days=settings.backup_days))),
    ]


def remove(things: Sequence[Due]) -> None:
    """Remove what is due; what is gone already is let be."""
    for one in things:
        told = one.told
        for path in one.paths:
            _remove(path)
        tell("retention", **told)


def _stored_files(place: Installation, before: datetime, *, waiting_too: bool) -> Due:
    """The files are listed before the deliveries are asked for: what is taken in meanwhile is among these."""
    paths = {path.name: path for path in _aged(place.settings.store.glob("??/[0-9a-f]*"), before)}
    waiting = _waiting(place, also_held=not waiting_too)
    gone = [path for name, path in paths.items() if name not in waiting]
    return Due("stored files", gone, len(paths) - len(gone))


def _waiting(place: Installation, *, also_held: bool) -> set[str]:
    """Names of the stored files somebody still needs: what is not loaded yet, and what waits for a mend."""
    erased = {file.delivery_no for file in PostgresErasures(place.url).files()}
    return {
        delivery.digest.hex()
        for delivery in reading.deliveries(place.url)
        if delivery.state is DeliveryState.RECEIVED
        or (also_held and _waits(delivery) and delivery.delivery_no not in erased)
    }


def _waits(delivery: reading.DeliveryRecord) -> bool:
    quarantined = (delivery.outcomes or {}).get(Outcome.QUARANTINED, 0)
    return delivery.state is DeliveryState.HELD or quarantined > 0


def _parts(place: Installation) -> Iterator[Path]:
    """What writings of ours that were killed left. A sender's own ``x.xlsx.part`` is none of them."""
    settings = place.settings
    yield from settings.store.glob("??/.*.part")
    for folder in (settings.inbox, settings.backups, settings.snapshots):
        yield from folder.glob(".*.part")
    yield from settings.inbox.glob("*/.*.part")
    yield from settings.snapshots.glob(".[0-9]*-*")  # a day is longer than any snapshot takes
    yield from settings.outbox.glob("*/.*.partial*")
    yield from settings.home.glob("status/.*.partial*")


def _snapshots(folder: Path, keep: int) -> list[Path]:
    """All but the newest, each with the flow summary beside it."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("[0-9]*")):
        if named := SNAPSHOT.fullmatch(path.name):
            found.setdefault(named[1], []).append(path)
    return [path for position in sorted(found)[:-keep] for path in found[position]]


def _backups(folder: Path, before: datetime) -> list[Path]:
    return [path for path in whole_backups(folder)[:-1] if written_at(path) < before]


def whole_backups(folder: Path) -> list[Path]:
    """Backups that have a manifest, oldest first."""
    return sorted((path.parent for path in folder.glob(f"[!.]*/{MANIFEST}")), key=written_at)


def _aged(paths: Iterable[Path], before: datetime) -> list[Path]:
    return sorted(path for path in paths if written_at(path) < before)


def written_at(path: Path) -> datetime:
    """When it was written, a backup when it was whole; now for one that is gone meanwhile."""
    manifest = path / MANIFEST
    try:
        seen = (manifest if manifest.exists() else path).lstat()
    except FileNotFoundError:
        return datetime.now(UTC)
    return datetime.fromtimestamp(seen.st_mtime, UTC)


def _size(path: Path) -> int:
    """Bytes of a file or of all in a folder."""
    if path.is_dir() and not path.is_symlink():
        return sum(_size(inside) for inside in path.iterdir())
    return path.lstat().st_size if path.is_symlink() or path.exists() else 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        aside = path.with_name(f".{path.name}.removing.part")  # never half a snapshot under its name
        shutil.rmtree(aside, ignore_errors=True)  # one that was interrupted
        path.replace(aside)
        shutil.rmtree(aside)
    else:
        path.unlink(missing_ok=True)

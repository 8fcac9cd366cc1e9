"""Snapshots of the log in the database, as of a position or a moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

from tracker.domain.errors import UsageError
from tracker.harmonise.codebook import Codebooks
from tracker.postgres.erasure import PostgresErasures
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.log_reading import id_batches, log_batches, position_at, recorded_at
from tracker.projections.rules import Rules, Unit
from tracker.projections.snapshot import Manifest, write_snapshot


def take_snapshot(
    url: str,
    out: Path,
    codebooks: Codebooks,
    position: int,
    progress: Callable[[str], None],
    *,
    unit: Unit = Unit.CHILD,
) -> Manifest:
    """Write the snapshot as of ``position``, its spells following ``unit``; see ``projections.snapshot``."""
    told = recorded_at(url, position)
    with log_batches(url, position) as batches, id_batches(url, position) as ids:
        return write_snapshot(
            out,
            batches,
            codebooks,
            ids=ids,
            position=position,
            rules=Rules(unit=unit),
            recorded_at_max=told.astimezone(UTC).isoformat() if told else None,
            erasures=PostgresErasures(url).count(),
            progress=progress,
        )


def resolve(url: str, as_of: str | None) -> int:
    """The position ``as_of`` names: a position, a day (its end, UTC) or an ISO time; None: the last one.

    Raises ``UsageError`` for anything else, or for a position the log has not reached.
    """
    last = PostgresLog(url).position()
    if as_of is None:
        return last
    if as_of.isdecimal():
        if int(as_of) > last:
            raise UsageError(f"position {as_of} is not reached yet; the log ends at {last}")
        return int(as_of)
    return position_at(url, _moment(as_of))


def _moment(text: str) -> datetime:
    try:
        if len(text) == len("2025-07-01"):
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--as-of {text!r} is neither a position (1234), a day (2025-07-01) nor a time (2025-07-01T12:00)"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

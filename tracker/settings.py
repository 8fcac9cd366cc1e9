"""Every setting of the tracker, read once from the environment (``TRACKER_*``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from tracker.domain.errors import UsageError
from tracker.telling import LogForm

PREFIX = "TRACKER_"
TEST_PREFIX = "TRACKER_TEST_"

Setting = TypeVar("Setting")


@dataclass(frozen=True)
class Settings:
    """Where things lie and how far they may go. Each field is the variable ``TRACKER_<FIELD>``.

    Directories default to places under ``home``. ``database_url`` empty means the embedded server.
    Sizes are megabytes, times seconds or days as the name says. ``hold_share`` is the share (0..1) of
    live facts a full delivery may retract before it is held for confirmation. Stored files expire after
    ``store_days``, backups after ``backup_days``; the ``keep_snapshots`` newest snapshots are kept.
    ``inbox_url`` is an inbox elsewhere (any address fsspec knows), mirrored into ``inbox`` by the scheduled
    ingestion; a file must stand still for ``settle_seconds`` before that takes it in. ``alert_mail`` and
    ``alert_webhook`` are told when a scheduled task fails. ``log`` (off, text, json) tells what happens, one
    event a line, to standard error or ``log_file``.
    """

    home: Path = Path(".tracker")
    database_url: str = field(default="", repr=False)  # holds a password
    inbox: Path = Path(".tracker/inbox")
    outbox: Path = Path(".tracker/outbox")
    inbox_url: str = field(default="", repr=False)  # may hold credentials
    store: Path = Path(".tracker/store")
    snapshots: Path = Path(".tracker/snapshots")
    releases: Path = Path(".tracker/releases")
    backups: Path = Path(".tracker/backups")
    keys: Path = Path(".tracker/keys")
    anchors: Path = Path(".tracker/anchors")
    workers: int = 1
    hold_share: float = 0.05
    store_days: int = 365
    backup_days: int = 35
    keep_snapshots: int = 8
    settle_seconds: int = 20
    alert_mail: str = ""
    alert_webhook: str = field(default="", repr=False)  # may hold a token
    log: LogForm = LogForm.OFF
    log_file: Path | None = None
    file_limit_mb: int = 50
    inflated_limit_mb: int = 500
    reader_memory_mb: int = 1536
    reader_seconds: int = 120

    @property
    def postgres(self) -> Path:
        """Home of the embedded server."""
        return self.home / "postgres"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from the variables of ``environ``; raises ``UsageError`` for one it does not know."""
        _refuse_unknown(environ)
        home = _read(environ, "HOME", _path, Path(".tracker").absolute())
        return cls(
            home=home,
            database_url=environ.get(PREFIX + "DATABASE_URL", ""),
            inbox=_read(environ, "INBOX", _path, home / "inbox"),
            outbox=_read(environ, "OUTBOX", _path, home / "outbox"),
            inbox_url=environ.get(PREFIX + "INBOX_URL", ""),
            store=_read(environ, "STORE", _path, home / "store"),
            snapshots=_read(environ, "SNAPSHOTS", _path, home / "snapshots"),
            releases=_read(environ, "RELEASES", _path, home / "releases"),
            backups=_read(environ, "BACKUPS", _path, home / "backups"),
            keys=_read(environ, "KEYS", _path, home / "keys"),
            anchors=_read(environ, "ANCHORS", _path, home / "anchors"),
            workers=_read(environ, "WORKERS", _positive, (os.cpu_count() or 1) + 1),
            hold_share=_read(environ, "HOLD_SHARE", _share, cls.hold_share),
            store_days=_read(environ, "STORE_DAYS", _positive, cls.store_days),
            backup_days=_read(environ, "BACKUP_DAYS", _positive, cls.backup_days),
            keep_snapshots=_read(environ, "KEEP_SNAPSHOTS", _positive, cls.keep_snapshots),
            alert_mail=environ.get(PREFIX + "ALERT_MAIL", ""),
            alert_webhook=environ.get(PREFIX + "ALERT_WEBHOOK", ""),
            settle_seconds=_read(environ, "SETTLE_SECONDS", _positive, cls.settle_seconds),
            log=_read(environ, "LOG", _log_form, cls.log),
            log_file=_read(environ, "LOG_FILE", _path, cls.log_file),
            file_limit_mb=_read(environ, "FILE_LIMIT_MB", _positive, cls.file_limit_mb),
            inflated_limit_mb=_read(environ, "INFLATED_LIMIT_MB", _positive, cls.inflated_limit_mb),
            reader_memory_mb=_read(environ, "READER_MEMORY_MB", _positive, cls.reader_memory_mb),
            reader_seconds=_read(environ, "READER_SECONDS", _positive, cls.reader_seconds),
        )


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = {PREFIX + f.name.upper() for f in fields(Settings)}
    strange = sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and name not in known
    )
    if strange:
        raise UsageError(
            f"unknown setting {', '.join(strange)} in the environment; known are {', '.join(sorted(known))}"
        )


def _read(
    environ: Mapping[str, str], name: str, parse: Callable[[str], Setting], default: Setting
) -> Setting:
    text = environ.get(PREFIX + name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{PREFIX}{name} is {text!r}, but {error}") from None


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _log_form(text: str) -> LogForm:
    if text not in tuple(LogForm):
        raise ValueError(f"one of {', '.join(LogForm)} is needed")
    return LogForm(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("a whole number above 0 is needed")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError("a share between 0 and 1 is needed, such as 0.05")
    return share

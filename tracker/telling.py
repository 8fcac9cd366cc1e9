"""What happens, told one event a line for machines: deliveries loaded, heads anchored, backups made.

An event is a name and facts: numbers, and words of our own (a state, a municipality's code). Never a value
of a row, a file's name, a path or an exception's text. Off unless ``TRACKER_LOG`` is ``json`` or ``text``;
lines go to standard error, or are added to ``TRACKER_LOG_FILE``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

Fact = str | int | float | bool | None

LOGGER = logging.getLogger("tracker.events")
LOGGER.propagate = False
LOGGER.addHandler(logging.NullHandler())


class LogForm(StrEnum):
    """How events are told."""

    OFF = "off"
    TEXT = "text"
    JSON = "json"


def tell(event: str, **facts: Fact) -> None:
    """Tell one event; facts that are None are left out."""
    LOGGER.info(event, extra={"facts": {name: fact for name, fact in facts.items() if fact is not None}})


class Timed:
    """Tells an event at the end of a block, with its seconds and what is put into ``facts`` meanwhile.

    A block that fails is told as ``<event> failed``, with the kind of error alone.
    """

    def __init__(self, event: str, **facts: Fact) -> None:
        self.event, self.facts = event, facts

    def __enter__(self) -> Self:
        """Begin."""
        self._began = monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell."""
        seconds = round(monotonic() - self._began, 3)
        if kind is None:
            tell(self.event, **self.facts, seconds=seconds)
        else:
            tell(f"{self.event} failed", **self.facts, error=kind.__name__, seconds=seconds)


def set_up(form: LogForm, file: Path | None = None) -> None:
    """Send events where the settings say; called again with the same it changes nothing."""
    wanted = (form, file)
    if getattr(LOGGER, "told_to", None) == wanted:
        return
    for handler in [*LOGGER.handlers]:
        LOGGER.removeHandler(handler)
        handler.close()
    LOGGER.addHandler(_handler(form, file))
    LOGGER.setLevel(logging.INFO if form is not LogForm.OFF else logging.CRITICAL)
    LOGGER.told_to = wanted  # type: ignore[attr-defined]  # a mark of ours on the logger


def _handler(form: LogForm, file: Path | None) -> logging.Handler:
    if form is LogForm.OFF:
        return logging.NullHandler()
    handler: logging.Handler = logging.StreamHandler()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")  # opened to append: several processes may
    handler.setFormatter(_Json() if form is LogForm.JSON else _Text())
    return handler


def _facts(record: logging.LogRecord) -> Mapping[str, Fact]:
    facts: Mapping[str, Fact] = getattr(record, "facts", {})
    return facts


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _time(record), "event": record.getMessage(), "process": record.process}
        return json.dumps(told | dict(_facts(record)), ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={fact}" for name, fact in _facts(record).items())
        return f"{_time(record)} {record.getMessage()} {facts}".rstrip()

"""Sidecar: what a delivery declares of itself in a small YAML file beside it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml

from tracker.domain.periods import Period
from tracker.intake.dates_seen import YEARS
from tracker.intake.file_rules import rejection
from tracker.intake.privacy_guard import safe_text
from tracker.intake.raw import Hints, Unreadable
from tracker.intake.spec_files import RECORD_TYPES
from tracker.intake.text_file import decode

_LARGEST = 65_536  # bytes
_KINDS = {
    "record_type": "en posttyp",
    "period_from": "ett datum (ÅÅÅÅ-MM-DD) mellan 1950 och 2099",
    "period_to": "ett datum (ÅÅÅÅ-MM-DD) mellan 1950 och 2099",
    "full": "true eller false",
    "extracted_on": "ett datum (ÅÅÅÅ-MM-DD) mellan 1950 och 2099",
    "system": "ett namn",
    "not_opened_complete": "true eller false",
    "stable_ids": "true eller false",
    "stable_child_ids": "true eller false",
    "synthetic": "true eller false",
}
KEYS = tuple(_KINDS)
"""Keys a sidecar may hold; all are optional."""


class _DatesAsText(yaml.SafeLoader):
    """Leaves dates as text, so that a wrong one can be blamed on its key."""


_DatesAsText.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Sidecar:
    """Declarations of one delivery; None or empty where nothing is declared.

    ``stable_ids`` and ``stable_child_ids`` fall back on the system's profile when None.
    """

    record_type: str = ""
    period: Period | None = None
    full: bool = False
    extracted_on: date | None = None
    system: str = ""
    not_opened_complete: bool = False
    stable_ids: bool | None = None
    stable_child_ids: bool | None = None
    synthetic: bool = False


def read_sidecar(content: bytes) -> Sidecar:
    """The declarations in a sidecar file.

    Raises ``RejectedFile``: FILE-060 not readable, FILE-061 unknown keys, FILE-062 a value of the wrong
    kind. A delivery whose sidecar cannot be trusted is not used at all: a misspelt ``full`` would change
    what the whole file means.
    """
    entries = _entries(content)
    unknown = [_shown(key) for key in entries if key not in _KINDS]
    if unknown:
        raise rejection("FILE-061", {"found": ", ".join(unknown), "expected": ", ".join(KEYS)})
    given = {key: _value(key, value) for key, value in entries.items() if value is not None}
    period = _period(given.pop("period_from", None), given.pop("period_to", None))
    return Sidecar(**given, period=period)


def _entries(content: bytes) -> dict[Any, Any]:
    if len(content) > _LARGEST:
        raise rejection("FILE-060", {"found": f"{len(content)} byte är för mycket"})
    try:
        document = yaml.load(decode(content, Hints()), Loader=_DatesAsText)
    except (yaml.YAMLError, Unreadable, ValueError):  # their texts quote the file
        raise rejection("FILE-060", {"found": "den är inte giltig YAML"}) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise rejection("FILE-060", {"found": "rader av formen ”namn: värde” väntades"})
    return document


def _value(key: str, value: Any) -> Any:
    expected = _KINDS[key]
    if expected.startswith("ett datum"):
        return _day(key, value)
    if expected.startswith("true"):
        return value if isinstance(value, bool) else _wrong(key, value)
    if key == "record_type":
        return value if value in RECORD_TYPES else _wrong(key, value, f"någon av {', '.join(RECORD_TYPES)}")
    return safe_text(value.strip()) if isinstance(value, str) else _wrong(key, value)


def _day(key: str, value: Any) -> date:
    with suppress(ValueError):  # its text quotes the value
        day = datetime.fromisoformat(str(value)).date()
        if day.year in YEARS:
            return day
    return _wrong(key, value)  # type: ignore[no-any-return]  # always raises


def _wrong(key: str, value: Any, expected: str = "") -> Any:
    values = {"key": key, "found": f"”{_shown(value)}”", "expected": expected or _KINDS[key]}
    raise rejection("FILE-062", values)


def _shown(value: Any) -> str:
    return safe_text(str(value))[:40]


def _period(first: date | None, last: date | None) -> Period | None:
    if first is None and last is None:
        return None
    if first is None or last is None:
        key = "period_from" if first is None else "period_to"
        raise rejection("FILE-062", {"key": key, "found": "utelämnad", "expected": "båda periodens dagar"})
    if last < first:
        found = f"{last} (före period_from {first})"
        raise rejection("FILE-062", {"key": "period_to", "found": found, "expected": "en dag på eller efter"})
    return Period(first, last)

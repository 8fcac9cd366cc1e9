"""JSON that says its format and carries a checksum of everything else in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tracker.domain.errors import UsageError


def seal(form: str, content: Mapping[str, Any]) -> str:
    """The content as one text with ``format`` and ``sha256``; floats come back to the last bit."""
    told = json.loads(json.dumps({"format": form, **content}, allow_nan=False))
    return json.dumps(told | {"sha256": _sha256(told)}, ensure_ascii=False) + "\n"


def sealed(text: str, form: str, name: str) -> dict[str, Any]:
    """The content of a text by ``seal``, from the file ``name``; raises UsageError if changed."""
    try:
        told = json.loads(text)
    except ValueError as damaged:
        raise UsageError(f"{name} cannot be read; ask for it again.") from damaged
    if not isinstance(told, dict) or told.get("format") != form:
        raise UsageError(f"{name} is not of the format {form}.")
    if told.get("sha256") != _sha256({key: told[key] for key in told if key != "sha256"}):
        raise UsageError(f"{name} is not as it was written; ask for it again.")
    return told


def _sha256(told: Mapping[str, Any]) -> str:
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

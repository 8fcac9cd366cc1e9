"""The stamp every output carries: what was counted, from which state of the log, by what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

Stamp = Mapping[str, str]
"""What an output says about its origin. ``REQUIRED`` keys always; others are shown after them.

``position``  log position everything was read as of
``as_of``     when that position was recorded (ISO date or time; optional)
``codebook``  version of the codebook that gave the wordings meaning
``definition``  name and version of what was counted
``software``  name and version of the program
``disclosure``  state of disclosure control; ``not disclosure-controlled`` unless told otherwise
``synthetic``   ``yes`` when no real child is in it; left out or ``no`` otherwise
"""

REQUIRED = ("position", "codebook", "definition", "software")
NOT_CONTROLLED = "not disclosure-controlled"
SYNTHETIC = "SYNTHETIC DATA"

_ORIGIN = ("position", "as_of", "codebook", "definition", "software")
_FALSE = frozenset({"", "no", "false", "0", "nej"})


def checked(stamp: Stamp) -> dict[str, str]:
    """The stamp in its fixed order, with the disclosure state spelled out.

    Raises ``ValueError`` naming the required keys that are missing: nothing is written unstamped.
    """
    missing = [key for key in REQUIRED if not stamp.get(key)]
    if missing:
        raise ValueError(f"the stamp lacks {', '.join(missing)}")
    known = {key: stamp[key] for key in _ORIGIN if stamp.get(key)}
    known["disclosure"] = stamp.get("disclosure") or NOT_CONTROLLED
    known["synthetic"] = "yes" if is_synthetic(stamp) else "no"
    return known | {key: stamp[key] for key in sorted(stamp) if key not in known and stamp[key]}


def is_synthetic(stamp: Stamp) -> bool:
    """Whether the figures come from synthetic children."""
    return stamp.get("synthetic", "").strip().lower() not in _FALSE


def stamp_line(stamp: Stamp) -> str:
    """The stamp as one line for a person: what it may be used for first, then its origin."""
    full = checked(stamp)
    told = f" ({full['as_of']})" if "as_of" in full else ""
    parts = [SYNTHETIC] if is_synthetic(full) else []
    parts += [full["disclosure"]]
    parts += [f"as of position {full['position']}{told}", f"codebook {full['codebook']}"]
    parts += [full["definition"], full["software"]]
    said = {*_ORIGIN, "disclosure", "synthetic"}
    parts += [f"{key} {value}" for key, value in full.items() if key not in said]
    return " · ".join(parts)


def stamped_time(stamp: Stamp) -> datetime:
    """The time a file may claim as its own: that of the position, so that equal content is equal bytes."""
    try:
        return datetime.fromisoformat(stamp.get("as_of", "")).replace(tzinfo=None)
    except ValueError:
        return datetime(1980, 1, 1)

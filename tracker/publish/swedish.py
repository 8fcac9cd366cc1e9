"""Numbers as Swedish readers expect them: 1 234, 12,3 %, 1 rad, 2 rader."""

from __future__ import annotations

NO_BREAK = "\u00a0"


def number(value: int) -> str:
    """A whole number with its thousands apart: ``1 234``."""
    return f"{value:,}".replace(",", NO_BREAK).replace("-", "−")


def percent(part: float, whole: float) -> str:
    """``part`` of ``whole`` with one decimal: ``12,3 %``; never 0,0 % or 100,0 % unless it is so."""
    share = 100 * part / whole
    if 0 < share < 0.05:
        return f"mindre än 0,1{NO_BREAK}%"
    if 99.95 <= share < 100:
        return f"mer än 99,9{NO_BREAK}%"
    return f"{share:.1f}".replace(".", ",") + f"{NO_BREAK}%"


def counted(value: int, one: str, many: str) -> str:
    """A number with its noun (and what agrees with it) in the right form: ``1 rad``, ``2 rader``."""
    return f"{number(value)}{NO_BREAK}{one if value == 1 else many}"

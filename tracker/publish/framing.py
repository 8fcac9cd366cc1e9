"""What stands around every picture: title and subtitle above, note and stamp below, in Swedish.

The stamp is also carried in English, as metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracker.publish.stamp import is_synthetic, stamp_line
from tracker.publish.svg import (
    ALARM,
    INK,
    LEADING,
    SOFT_INK,
    clean,
    document,
    element,
    lines,
    number,
    rect,
    text,
    text_width,
    wrap,
)
from tracker.publish.swedish_stamp import SYNTHETIC_SV, stamp_line_sv

MARGIN = 28.0
NARROWEST = 640.0
"""A plot narrower than this still gets a picture this wide, so that title and stamp have room."""

_TITLE, _SUBTITLE, _SMALL = 20.0, 13.5, 11.0


@dataclass(frozen=True)
class Framed:
    """A plot with what is said around it; ``plot`` is drawn from its own (0, 0), ``width`` × ``height``."""

    title: str
    subtitle: str
    note: str
    description: str
    stamp: Mapping[str, str]
    plot: Sequence[str]
    width: float
    height: float


def framed(picture: Framed) -> str:
    """The whole SVG document."""
    width = max(picture.width, NARROWEST)
    head, top = _head(picture, width)
    foot, end = _foot(picture, width, top + picture.height + 22)
    carried = element("metadata", {}, clean(stamp_line(picture.stamp)))
    plot = element("g", {"transform": f"translate({number(MARGIN)} {number(top)})"}, "\n".join(picture.plot))
    return document(
        width + 2 * MARGIN,
        end + MARGIN - 8,
        picture.title,
        picture.description,
        [carried, *head, plot, *foot],
    )


def _head(picture: Framed, width: float) -> tuple[list[str], float]:
    """Title, subtitle and the synthetic mark; where the plot may begin."""
    mark, taken = _mark(picture.stamp, width)
    title = wrap(picture.title, _TITLE, width - taken, "bold")
    subtitle = wrap(picture.subtitle, _SUBTITLE, width)
    below = MARGIN + len(title) * _TITLE * LEADING + 2
    drawn = lines(MARGIN, MARGIN, title, _TITLE, fill=INK, font_weight="bold")
    drawn += lines(MARGIN, below, subtitle, _SUBTITLE, fill=SOFT_INK)
    return [*mark, *drawn], below + len(subtitle) * _SUBTITLE * LEADING + 20


def _mark(stamp: Mapping[str, str], width: float) -> tuple[list[str], float]:
    """A framed mark for synthetic data in the top right corner, and the width it takes from the title."""
    if not is_synthetic(stamp):
        return [], 0.0
    wide = text_width(SYNTHETIC_SV, 12, "bold") + 20
    x = MARGIN + width - wide
    box = rect(x, MARGIN, wide, 24, rx=4, fill="#ffffff", stroke=ALARM, stroke_width=1.5)
    words = text(
        x + wide / 2, MARGIN + 16.3, SYNTHETIC_SV, 12, fill=ALARM, font_weight="bold", text_anchor="middle"
    )
    return [box, words], wide + 24


def _foot(picture: Framed, width: float, top: float) -> tuple[list[str], float]:
    """Note and stamp; where they end."""
    note = wrap(picture.note, _SMALL, width)
    stamp = wrap(stamp_line_sv(picture.stamp), _SMALL, width)
    below = top + 10 + len(note) * _SMALL * LEADING + 3
    rule = rect(MARGIN, top, width, 0.75, fill="#c9ced3")
    drawn = lines(MARGIN, top + 10, note, _SMALL, fill=SOFT_INK)
    drawn += lines(MARGIN, below, stamp, _SMALL, fill=SOFT_INK)
    return [rule, *drawn], below + len(stamp) * _SMALL * LEADING

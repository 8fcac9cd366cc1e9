"""The flow of the sorting chain as a self-contained SVG picture."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.publish.flow_layout import BAR, PAD, Band, Layout, Stop, lay_out
from tracker.publish.flow_picture import FlowPicture, Node, described
from tracker.publish.framing import Framed, framed
from tracker.publish.svg import (
    ACCENT,
    ACCENT_LIGHT,
    LEADING,
    MUTED,
    MUTED_LIGHT,
    clean,
    element,
    lines,
    number,
    path,
    rect,
    text,
    wrap,
)

__all__ = ["FlowPicture", "Node", "flow_svg"]

_HEADING = 12.0
_HAIRLINE = 1.6
_ACCENT_HAIR, _MUTED_HAIR = "#8db7d6", "#c3c8cd"


def flow_svg(picture: FlowPicture) -> str:
    """The picture as an SVG document; equal pictures give equal text.

    Bars and bands are as high as their counts (at least a hairline); title, subtitle, note and stamp
    are in the picture, and a description in words for those who do not see it.
    """
    layout = lay_out(picture)
    headings, top = _headings(picture, layout)
    flow = [*map(_band, _small_last(layout.bands))]
    for stop in layout.stops:
        flow += _stop(stop, layout)
    plot = [*headings, element("g", {"transform": f"translate(0 {number(top)})"}, "\n".join(flow))]
    return framed(
        Framed(
            title=picture.title,
            subtitle=picture.subtitle,
            note=picture.note,
            description=described(picture),
            stamp=picture.stamp,
            plot=plot,
            width=layout.width,
            height=top + layout.height,
        )
    )


def _headings(picture: FlowPicture, layout: Layout) -> tuple[list[str], float]:
    """One heading a column, and the height they take."""
    wrapped = [
        wrap(heading, _HEADING, BAR + PAD + gutter, "bold")
        for heading, gutter in zip(picture.headings, layout.gutters, strict=False)
    ]
    drawn = [
        line
        for rows, x in zip(wrapped, layout.x, strict=False)
        for line in lines(x, 0, rows, _HEADING, fill=ACCENT, font_weight="bold")
    ]
    tallest = max(map(len, wrapped), default=0)
    return drawn, tallest * _HEADING * LEADING + 12 if tallest else 0.0


def _small_last(bands: Sequence[Band]) -> list[Band]:
    """Thin bands over thick ones, else they could not be seen where bands cross."""
    return sorted(bands, key=lambda band: -band.width)


def _band(band: Band) -> str:
    thin = band.width < _HAIRLINE
    fill = (_MUTED_HAIR if thin else MUTED_LIGHT) if band.muted else (_ACCENT_HAIR if thin else ACCENT_LIGHT)
    half = max(band.width, 1.0) / 2
    bend = (band.bend + band.x1) / 2
    upper = f"M{_at(band.x0, band.y0 - half)} H{number(band.bend)} C{_at(bend, band.y0 - half)} "
    upper += f"{_at(bend, band.y1 - half)} {_at(band.x1, band.y1 - half)}"
    lower = f"V{number(band.y1 + half)} C{_at(bend, band.y1 + half)} {_at(bend, band.y0 + half)} "
    lower += f"{_at(band.bend, band.y0 + half)} H{number(band.x0)} Z"
    caption = element("title", {}, clean(band.caption))
    return path(f"{upper} {lower}", caption, fill=fill)


def _at(x: float, y: float) -> str:
    return f"{number(x)} {number(y)}"


def _stop(stop: Stop, layout: Layout) -> list[str]:
    if stop.node is None:
        return []
    x = layout.x[stop.column]
    return [_bar(stop, stop.node, x), *_label(stop, x + BAR + PAD)]


def _bar(stop: Stop, node: Node, x: float) -> str:
    if not node.count:
        height = max(stop.height, 3)
        return rect(x + 0.5, stop.top, BAR - 1, height, fill="#ffffff", stroke=MUTED, stroke_width=0.75)
    return rect(x, stop.top, BAR, stop.height, fill=MUTED if node.muted else ACCENT)


def _label(stop: Stop, x: float) -> list[str]:
    drawn, y = [], stop.label_top
    for line in stop.block:
        y += line.size * LEADING
        baseline = y - line.size * 0.28
        drawn.append(text(x, baseline, line.text, line.size, fill=line.fill, font_weight=line.weight))
    return drawn

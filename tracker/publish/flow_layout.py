"""Where everything in a flow diagram lies: bars, bands and labels, so that no label meets another.

Columns run left to right, each with a bar and, right of it, a gutter where the labels stand on straight
bands; bands bend only between gutter and next bar. An edge that skips a column gets a lane of its own
there. Slots are as high as what stands in them, so labels cannot overlap, however small the counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tracker.publish.flow_label import Line, block_height, label
from tracker.publish.flow_picture import FlowPicture, Node, column_of
from tracker.publish.svg import text_width

BAR = 12.0
PAD = 8.0
BEND = 66.0
SLOT_GAP = 16.0
TALLEST = 300.0
"""Height in pixels of the column with the largest sum."""

SEAM = 0.6
"""Overlap of the parts of a band that passes a column, so that no seam shows."""

THINNEST = 1.5
"""Height of a bar that counts next to nothing, or nothing."""


@dataclass
class Stop:
    """A node, or the lane of an edge that passes a column, while its place is being found."""

    id: str
    column: int
    height: float
    node: Node | None = None
    block: tuple[Line, ...] = ()
    leads_on: bool = False
    top: float = 0.0
    label_top: float = 0.0


@dataclass(frozen=True)
class Band:
    """A band from ``x0`` to ``x1``, straight until ``bend``; ``y0`` and ``y1`` are its middles."""

    x0: float
    bend: float
    x1: float
    y0: float
    y1: float
    width: float
    muted: bool
    caption: str


@dataclass(frozen=True)
class Layout:
    """A laid-out flow: ``x`` of each column's bar, gutter widths, stops and bands; size of the plot."""

    x: tuple[float, ...]
    gutters: tuple[float, ...]
    stops: tuple[Stop, ...]
    bands: tuple[Band, ...]
    width: float
    height: float


@dataclass(frozen=True)
class _Link:
    """An edge between two neighbouring columns; an edge that skips columns is several."""

    source: Stop
    target: Stop
    count: int
    muted: bool
    caption: str


def lay_out(picture: FlowPicture) -> Layout:
    """Find the place of everything, with the plot's top left corner at (0, 0)."""
    scale = _scale(picture)
    stops = {stop.id: stop for stop in (*_nodes(picture, scale), *_lanes(picture, scale))}
    columns = [[s for s in stops.values() if s.column == c] for c in range(len(picture.columns))]
    height = _level(columns, [_stack(column) for column in columns])
    gutters = [_gutter(column) for column in columns]
    x = _column_starts(gutters)
    bands = tuple(_bands(list(_links(picture, stops)), scale, x, gutters))
    width = x[-1] + BAR + PAD + gutters[-1] if x else 0.0
    return Layout(tuple(x), tuple(gutters), tuple(stops.values()), bands, width, height)


def _scale(picture: FlowPicture) -> float:
    """Pixels a count, so that the largest column is ``TALLEST`` high."""
    sums = [sum(_load(picture, node) for node in column) for column in picture.columns]
    return TALLEST / max(sums) if any(sums) else 0.0


def _load(picture: FlowPicture, node: Node) -> int:
    into = sum(count for _, target, count in picture.edges if target == node.id)
    out_of = sum(count for source, _, count in picture.edges if source == node.id)
    return max(node.count, into, out_of)


def _nodes(picture: FlowPicture, scale: float) -> Iterator[Stop]:
    sources = {source for source, _, count in picture.edges if count}
    for column, nodes in enumerate(picture.columns):
        for node in nodes:
            height = max(_load(picture, node) * scale, THINNEST)
            yield Stop(node.id, column, height, node, label(node), node.id in sources)


def _lanes(picture: FlowPicture, scale: float) -> Iterator[Stop]:
    columns = column_of(picture)
    for source, target, count in picture.edges:
        for column in range(columns[source] + 1, columns[target]) if count else ():
            yield Stop(_lane(source, target, column), column, max(count * scale, THINNEST))


def _lane(source: str, target: str, column: int) -> str:
    return f"{source}\0{target}\0{column}"


def _links(picture: FlowPicture, stops: Mapping[str, Stop]) -> Iterator[_Link]:
    columns = column_of(picture)
    nodes = {node.id: node for column in picture.columns for node in column}
    for source, target, count in picture.edges:
        caption = f"{nodes[source].label} → {nodes[target].label}: {count}"
        lanes = [_lane(source, target, column) for column in range(columns[source] + 1, columns[target])]
        for here, there in pairwise((source, *lanes, target)) if count else ():
            yield _Link(stops[here], stops[there], count, nodes[target].muted, caption)


def _stack(column: Sequence[Stop]) -> float:
    """Give each stop of a column its place; return where the last one ends."""
    y = 0.0
    for stop in column:
        above = stop.leads_on and (stop is column[0] or stop.height < block_height(stop.block) + 6)
        y += (_place_above(stop, y) if above else _place_beside(stop, y)) + SLOT_GAP
    return max(y - SLOT_GAP, 0.0)


def _level(columns: Sequence[Sequence[Stop]], ends: Sequence[float]) -> float:
    """Lower columns until all first bars start level, so that the main path runs straight.

    ``ends`` is where each column ends; returns where the lowest then ends.
    """
    level = max((stop.top for column in columns for stop in column[:1]), default=0.0)
    height = 0.0
    for column, end in zip(columns, ends, strict=True):
        down = level - column[0].top if column else 0.0
        for stop in column:
            stop.top += down
            stop.label_top += down
        height = max(height, end + down)
    return height


def _place_above(stop: Stop, y: float) -> float:
    """Label over the band, in a slot from ``y``: for the main path, and where a thin band would strike it
    through; return the slot's height.
    """
    text = block_height(stop.block)
    stop.label_top, stop.top = y, y + text + 5
    return text + 5 + stop.height


def _place_beside(stop: Stop, y: float) -> float:
    """Label level with the middle of its bar, in a slot from ``y``; return the slot's height."""
    text = block_height(stop.block)
    slot = max(text, stop.height)
    stop.label_top = y + (slot - text) / 2
    stop.top = y + (slot - stop.height) / 2
    return slot


def _gutter(column: Sequence[Stop]) -> float:
    widths = [text_width(line.text, line.size, line.weight) for stop in column for line in stop.block]
    return max(widths, default=60.0)


def _column_starts(gutters: Sequence[float]) -> list[float]:
    starts, x = [], 0.0
    for gutter in gutters:
        starts.append(x)
        x += BAR + PAD + gutter + BEND
    return starts


def _bands(
    links: Sequence[_Link], scale: float, x: Sequence[float], gutters: Sequence[float]
) -> Iterator[Band]:
    """Bands leave a bar in the order of their targets and reach one in the order of their sources."""
    leaves = _middles(links, scale, lambda link: link.source, lambda link: link.target)
    reaches = _middles(links, scale, lambda link: link.target, lambda link: link.source)
    for number, link in enumerate(links):
        column = link.source.column
        yield Band(
            x0=x[column] + (BAR if link.source.node else -SEAM),
            bend=x[column] + BAR + PAD + gutters[column],
            x1=x[link.target.column],
            y0=leaves[number],
            y1=reaches[number],
            width=link.count * scale,
            muted=link.muted,
            caption=link.caption,
        )


def _middles(
    links: Sequence[_Link], scale: float, here: Callable[[_Link], Stop], there: Callable[[_Link], Stop]
) -> dict[int, float]:
    """Middle of each link at its ``here`` stop, stacked from the stop's top in the order of ``there``."""
    filled: dict[str, float] = defaultdict(float)
    middles = {}
    for number in sorted(range(len(links)), key=lambda number: there(links[number]).top):
        stop, width = here(links[number]), links[number].count * scale
        middles[number] = stop.top + filled[stop.id] + width / 2
        filled[stop.id] += width
    return middles

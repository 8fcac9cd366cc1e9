"""The pathway graph as a self-contained SVG picture: which state follows which, how often, how soon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tracker.publish.framing import Framed, framed
from tracker.publish.pathway_layout import (
    COUNT,
    FIRST_LANE,
    LABEL,
    NAME,
    PITCH,
    ROW,
    THINNEST,
    WIDEST,
    Arc,
    Box,
    PathwayLayout,
    State,
    Step,
    lay_out,
)
from tracker.publish.svg import ACCENT, ACCENT_LIGHT, INK, SOFT_INK, number, path, rect, text

if TYPE_CHECKING:
    import networkx as nx

_NOTE = (
    "Antal övergångar · mediandagar före dem. Blått: framåt. Grått: tillbaka. "
    "Pilar i en ruta: vägar ut ur observationen. Linjerna är så tjocka som antalen."
)
_BACK = "#77818b"
_RADIUS = 12.0
_HEAD = 9.0


def pathway_svg(graph: nx.DiGraph[str], title: str, subtitle: str, stamp: Mapping[str, str]) -> str:
    """The picture as an SVG document; equal graphs give equal text, whatever order they were built in.

    Nodes carry ``rank`` (states stand left to right by it), ``count`` and optionally ``label`` and
    ``absorbing``; edges carry ``count`` and ``median_days`` (None or missing: not known). Edges that
    nobody took are left out. Raises ``ValueError`` for a node without rank or count.
    """
    names = _on_the_line(graph)
    edges = sorted(_taken(graph))
    most = max((count for *_, count, _ in edges), default=1)
    places = {name: place for place, name in enumerate(names)}
    states = [_state(graph, name, edges) for name in names]
    steps = [
        Step(places[a], places[b], _said(count, days), max(WIDEST * count / most, THINNEST))
        for a, b, count, days in edges
        if a in places and b in places
    ]
    layout = lay_out(states, steps)
    plot, height = _plot(layout)
    return framed(Framed(title, subtitle, _NOTE, _described(graph, edges), stamp, plot, layout.width, height))


_Edge = tuple[str, str, int, float | None]


def _on_the_line(graph: nx.DiGraph[str]) -> list[str]:
    """States that can be left, by rank and name."""
    for name, data in graph.nodes(data=True):
        if "rank" not in data or "count" not in data:
            raise ValueError(f"state {name} has no rank or no count")
    ranks = {name: data["rank"] for name, data in graph.nodes(data=True) if not data.get("absorbing")}
    return sorted(ranks, key=lambda name: (ranks[name], name))


def _taken(graph: nx.DiGraph[str]) -> Iterator[_Edge]:
    for source, target, data in graph.edges(data=True):
        if data.get("count"):
            yield source, target, int(data["count"]), _days(data)


def _days(data: Mapping[str, Any]) -> float | None:
    days = data.get("median_days")
    return None if days is None or days != days else float(days)  # noqa: PLR0124 - NaN


def _state(graph: nx.DiGraph[str], name: str, edges: list[_Edge]) -> State:
    exits = [
        f"→ {_label(graph, target)}: {_said(count, days)}"
        for source, target, count, days in edges
        if source == name and graph.nodes[target].get("absorbing")
    ]
    return State(_label(graph, name), _figure(int(graph.nodes[name]["count"])), tuple(exits))


def _label(graph: nx.DiGraph[str], name: str) -> str:
    return str(graph.nodes[name].get("label") or name)


def _figure(count: int) -> str:
    return f"{count:,}".replace(",", "\u00a0")


def _said(count: int, days: float | None) -> str:
    return _figure(count) if days is None else f"{_figure(count)} · {days:g}\u00a0d"


def _described(graph: nx.DiGraph[str], edges: list[_Edge]) -> str:
    steps = [f"{_label(graph, a)} till {_label(graph, b)}: {_said(n, days)}" for a, b, n, days in edges]
    return "Övergångar, var och en med antal och mediandagar. " + "; ".join(steps) + "."


def _plot(layout: PathwayLayout) -> tuple[list[str], float]:
    """Everything drawn, and the height it takes."""
    top = FIRST_LANE + layout.lanes_above * PITCH if layout.lanes_above else 0.0
    bottom = top + layout.box_height
    arcs = sorted(layout.arcs, key=lambda arc: -arc.step.width)
    drawn = [part for arc in arcs for part in _arc(arc, top if arc.step.above else bottom)]
    drawn += [part for step in layout.arrows for part in _arrow(layout, step, top + 27)]
    drawn += [part for box in layout.boxes for part in _box(box, top, layout.box_height)]
    drawn += [_arc_label(arc, top if arc.step.above else bottom) for arc in arcs]
    return drawn, bottom + (FIRST_LANE + layout.lanes_below * PITCH if layout.lanes_below else 0.0)


def _box(box: Box, y: float, height: float) -> list[str]:
    middle = box.x + box.width / 2
    frame = rect(box.x, y, box.width, height, rx=7, fill="#ffffff", stroke=ACCENT, stroke_width=1.25)
    name = text(middle, y + 23, box.state.label, NAME, fill=INK, font_weight="bold", text_anchor="middle")
    count = text(middle, y + 42, box.state.count, COUNT, fill=INK, text_anchor="middle")
    rule = rect(box.x, y + 53, box.width, 0.75, fill=ACCENT_LIGHT) if box.state.exits else ""
    rows = [
        text(box.x + 14, y + 56 + (row + 1) * ROW * 1.4, said, ROW, fill=SOFT_INK)
        for row, said in enumerate(box.state.exits)
    ]
    return [frame, name, count, *filter(None, [rule]), *rows]


def _arrow(layout: PathwayLayout, step: Step, y: float) -> list[str]:
    """A straight arrow between neighbours, its label above it."""
    left, right = layout.boxes[step.source], layout.boxes[step.target]
    start, end = left.x + left.width, right.x
    shaft = rect(start, y - step.width / 2, end - start - _HEAD, step.width, fill=ACCENT)
    half = _half_head(step)
    head = path(f"M{_at(end, y)} L{_at(end - _HEAD, y - half)} V{number(y + half)} Z", fill=ACCENT)
    above = y - half - 5
    label = text((start + end) / 2, above, step.label, LABEL, fill=INK, text_anchor="middle")
    return [shaft, head, label]


def _half_head(step: Step) -> float:
    return step.width / 2 + 3.5


def _arc(arc: Arc, edge: float) -> list[str]:
    """Out of a box edge, along the lane, and into a box edge, with an arrow head."""
    out = -1 if arc.step.above else 1
    lane = _lane_y(arc, edge)
    right = 1 if arc.x1 > arc.x0 else -1
    radius = min(_RADIUS, abs(arc.x1 - arc.x0) / 2)
    colour = ACCENT if arc.step.above else _BACK
    d = (
        f"M{_at(arc.x0, edge)} V{number(lane - out * radius)} "
        f"Q{_at(arc.x0, lane)} {_at(arc.x0 + right * radius, lane)} H{number(arc.x1 - right * radius)} "
        f"Q{_at(arc.x1, lane)} {_at(arc.x1, lane - out * radius)} V{number(edge + out * _HEAD)}"
    )
    half = _half_head(arc.step)
    tip = f"M{_at(arc.x1, edge)} L{_at(arc.x1 - half, edge + out * _HEAD)} H{number(arc.x1 + half)} Z"
    return [path(d, fill="none", stroke=colour, stroke_width=arc.step.width), path(tip, fill=colour)]


def _lane_y(arc: Arc, edge: float) -> float:
    depth = FIRST_LANE + (arc.lane - 1) * PITCH + 6
    return edge - depth if arc.step.above else edge + depth


def _arc_label(arc: Arc, edge: float) -> str:
    """The label on the outer side of the lane."""
    clear = arc.step.width / 2 + 4
    lane = _lane_y(arc, edge)
    y = lane - clear if arc.step.above else lane + clear + LABEL * 0.75
    return text(arc.label_x, y, arc.step.label, LABEL, fill=INK, text_anchor="middle")


def _at(x: float, y: float) -> str:
    return f"{number(x)} {number(y)}"

"""Where states and transitions of a pathway picture lie.

States stand on one line by rank. A step to the next state is a straight arrow, a longer step forward an arc
above the line, a step back (or out and in again) an arc below it. Longer arcs go round shorter ones; gaps
are wide enough for labels, and a label keeps clear of every arc that passes. Steps that end observation
are rows in the box they leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tracker.publish.svg import text_width

LABEL = 11.5
NAME = 13.5
COUNT = 13.0
ROW = 11.0
PITCH = 30.0
"""Distance between lanes: the widest edge and a label."""
WIDEST = 9.0
THINNEST = 1.2
FIRST_LANE = 24.0

_PORT_GAP = 11.0
_PADDING = 14.0
_ARROW_ROOM = 34.0
_APART = 6.0


@dataclass(frozen=True)
class State:
    """A state on the line, with what its box says; ``exits`` are the steps that end observation."""

    label: str
    count: str
    exits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A transition between two places of the line (0-based), its label, its width in pixels."""

    source: int
    target: int
    label: str
    width: float

    @property
    def straight(self) -> bool:
        """To the neighbour on the right."""
        return self.target == self.source + 1

    @property
    def above(self) -> bool:
        """Forward past at least one state."""
        return self.target > self.source + 1

    @property
    def below(self) -> bool:
        """Back, or to the same state again."""
        return self.target <= self.source

    @property
    def span(self) -> int:
        """How many places it passes."""
        return abs(self.target - self.source)


@dataclass(frozen=True)
class Box:
    """A state's box, from ``x`` rightwards."""

    state: State
    x: float
    width: float


@dataclass(frozen=True)
class Arc:
    """A step drawn as an arc: ends at ``x0`` and ``x1`` on the box edges, flat part in lane ``lane`` ≥ 1."""

    step: Step
    x0: float
    x1: float
    lane: int
    label_x: float


@dataclass(frozen=True)
class PathwayLayout:
    """Boxes, straight arrows, arcs; the number of lanes above and below the boxes."""

    boxes: tuple[Box, ...]
    arrows: tuple[Step, ...]
    arcs: tuple[Arc, ...]
    width: float
    box_height: float
    lanes_above: int
    lanes_below: int


Port = tuple[Step, bool]
"""An end of a step at a box edge; True where the step leaves."""


def lay_out(states: Sequence[State], steps: Sequence[Step]) -> PathwayLayout:
    """Find the place of everything; x runs from 0."""
    upper = [_upper_ports(place, steps) for place in range(len(states))]
    lower = [_lower_ports(place, steps) for place in range(len(states))]
    boxes = _boxes(states, steps, upper, lower)
    above = _arcs(_ends(boxes, upper))
    below = _arcs(_ends(boxes, lower))
    return PathwayLayout(
        boxes=tuple(boxes),
        arrows=tuple(step for step in steps if step.straight),
        arcs=(*above, *below),
        width=boxes[-1].x + boxes[-1].width if boxes else 0.0,
        box_height=max(map(_box_height, states), default=0.0),
        lanes_above=max((arc.lane for arc in above), default=0),
        lanes_below=max((arc.lane for arc in below), default=0),
    )


def _box_height(state: State) -> float:
    rows = len(state.exits) * ROW * 1.4
    return 54 + (rows + 12 if rows else 0)


def _upper_ports(place: int, steps: Sequence[Step]) -> list[Port]:
    """Left to right: arriving short to long, leaving long to short, so that a box's own arcs never cross."""
    arriving = sorted((s for s in steps if s.above and s.target == place), key=lambda s: s.span)
    leaving = sorted((s for s in steps if s.above and s.source == place), key=lambda s: -s.span)
    return [*((s, False) for s in arriving), *((s, True) for s in leaving)]


def _lower_ports(place: int, steps: Sequence[Step]) -> list[Port]:
    """Left to right: leaving short to long, loop out and in, arriving long to short."""
    back = [s for s in steps if s.below and s.span]
    leaving = sorted((s for s in back if s.source == place), key=lambda s: s.span)
    arriving = sorted((s for s in back if s.target == place), key=lambda s: -s.span)
    loops = [s for s in steps if s.source == place == s.target]
    around = [port for loop in loops for port in ((loop, True), (loop, False))]
    return [*((s, True) for s in leaving), *around, *((s, False) for s in arriving)]


def _boxes(
    states: Sequence[State], steps: Sequence[Step], upper: list[list[Port]], lower: list[list[Port]]
) -> list[Box]:
    gap = max((label_width(step) for step in steps), default=0.0) + _ARROW_ROOM
    boxes, x = [], 0.0
    for state, over, under in zip(states, upper, lower, strict=True):
        ports = max(_run(over)[-1:] + _run(under)[-1:], default=0.0)
        width = max(_text_room(state), ports + 2 * _PORT_GAP)
        boxes.append(Box(state, x, width))
        x += width + gap
    return boxes


def label_width(step: Step) -> float:
    """How wide a step's label is at most."""
    return text_width(step.label, LABEL)


def _text_room(state: State) -> float:
    widths = [text_width(state.label, NAME, "bold"), text_width(state.count, COUNT)]
    widths += [text_width(row, ROW) for row in state.exits]
    return max(widths) + 2 * _PADDING


def _run(ports: Sequence[Port]) -> list[float]:
    """Middle of each port from the first port's left edge, closed by the whole length."""
    middles, x = [], 0.0
    for step, leaves in ports:
        loop_back = not step.span and not leaves
        x += label_width(step) if loop_back else 0.0
        middles.append(x + step.width / 2)
        x += step.width + _PORT_GAP
    return [*middles, max(x - _PORT_GAP, 0.0)]


def _ends(boxes: Sequence[Box], ports: Sequence[Sequence[Port]]) -> dict[Step, tuple[float, float]]:
    """Where each arc leaves and arrives."""
    leaves: dict[Step, float] = {}
    arrives: dict[Step, float] = {}
    for box, run in zip(boxes, ports, strict=True):
        *middles, length = _run(run)
        start = box.x + (box.width - length) / 2
        for (step, leaving), middle in zip(run, middles, strict=True):
            (leaves if leaving else arrives)[step] = start + middle
    return {step: (x, arrives[step]) for step, x in leaves.items()}


def _arcs(ends: dict[Step, tuple[float, float]]) -> list[Arc]:
    lanes: dict[Step, int] = {}
    for step in sorted(ends, key=lambda s: (abs(ends[s][1] - ends[s][0]), ends[s])):
        inside = [lane for other, lane in lanes.items() if _overlap(ends[step], ends[other])]
        lanes[step] = 1 + max(inside, default=0)
    return [Arc(step, *ends[step], lanes[step], _label_x(step, ends, lanes)) for step in ends]


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return min(one) - _APART < max(other) and min(other) - _APART < max(one)


def _label_x(step: Step, ends: dict[Step, tuple[float, float]], lanes: dict[Step, int]) -> float:
    """Middle of the label: nearest the arc's middle where no arc of an outer lane passes."""
    half = label_width(step) / 2 + _APART
    low, high = min(ends[step]), max(ends[step])
    passing = [x for other, pair in ends.items() if lanes[other] > lanes[step] for x in pair]
    return _nearest_free((low + high) / 2, low + half, high - half, lambda x: _free(x, half, passing))


def _free(x: float, half: float, passing: Iterable[float]) -> bool:
    return all(abs(x - other) > half for other in passing)


def _nearest_free(middle: float, low: float, high: float, free: Callable[[float], bool]) -> float:
    aside = [
        middle + sign * offset for offset in range(0, int(max(high - low, 0)) + 2, 2) for sign in (1, -1)
    ]
    return next((x for x in aside if low <= x <= high and free(x)), middle)

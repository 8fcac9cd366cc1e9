"""The sheet every chart is drawn on: title above, plots where they are told, stamp below.

Lengths are inches. Text is set in DejaVu Sans, which comes with the drawing library and runs wider than
the Arial or Helvetica a reader's machine puts in its place, so that nothing runs over. Colours are told
apart in every common form of colour blindness: lines by Okabe & Ito (2008), states by Tol's muted set; lines
differ in dash as well, and areas carry their names.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing

from tracker.domain.chain import ADULT, CLOSED, DEAD, MOVED, default_chain
from tracker.estimate.results import About
from tracker.publish.stamp import NOT_CONTROLLED
from tracker.publish.svg import ALARM, FONT, INK, SOFT_INK, clean

WIDTH = 7.1
"""The width of text on an A4 page with margins of 1.5 cm."""
DPI = 220
MARGIN = 0.14
TITLE, TEXT, SMALL = 11.0, 8.5, 7.5
"""Sizes of type in points: legible in print at the width given."""

LINES = ("#0072b2", "#d55e00", "#009e73", "#aa3377", "#b8860b", "#56b4e9", INK)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.3)), (0, (6, 1.5, 1.2, 1.5)))
STATE_COLOURS = {
    "referral": "#88ccee",
    "investigation": "#44aa99",
    "granted": "#ddcc77",
    "intervention": "#332288",
    CLOSED: "#e1e4e7",
    ADULT: "#a5acb4",
    MOVED: "#c9ced3",
    DEAD: "#4d5661",
}
OTHER_STATES = ("#aa4499", "#999933", "#cc6677", "#661100")

ENGLISH = {
    "granted": "granted, not started",
    "intervention": "intervention",
    CLOSED: "closed (nothing open)",
    ADULT: "grown up",
    MOVED: "moved out",
    DEAD: "died",
}
"""What states are called in English charts; those not here go by their own name."""

SWEDISH = {state.name: state.label_sv for state in default_chain().states} | {
    CLOSED: "avslutad",
    ADULT: "vuxen",
    MOVED: "flyttat",
    DEAD: "avliden",
}
"""What states are called where municipal people read."""

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.edgecolor": "#8a929b",
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e6e9",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": SOFT_INK,
    "ytick.color": SOFT_INK,
    "xtick.labelsize": SMALL + 0.5,
    "ytick.labelsize": SMALL + 0.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "svg.fonttype": "none",
    "path.simplify": False,
}


@dataclass(frozen=True)
class Chart:
    """A finished figure: ``svg`` may stand in a page, ``png`` in a manuscript; ``alt`` says what it shows.

    ``name`` is the stem of its files and unique within a report; ``tables`` name those it is drawn from.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: str
    png: bytes
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Words:
    """What is said around a chart. ``alt`` left empty is the title and caption."""

    name: str
    title: str
    caption: str = ""
    alt: str = ""
    tables: tuple[str, ...] = ()


def stamp_words(about: About) -> str:
    """The line under every chart: what the figures are, and as of when."""
    said = ["SYNTHETIC DATA"] if about.synthetic else []
    said += [f"as of position {about.position}"] if about.position is not None else []
    said += [f"cohort {about.cohort}"] if about.cohort else []
    said += [f"codebook {about.codebook}"] if about.codebook else []
    return " · ".join([*said, NOT_CONTROLLED])


@dataclass(frozen=True)
class Sheet:
    """A page of so many inches to put axes on, from its top left corner."""

    drawing: Drawing
    width: float
    height: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose plot has this corner and size."""
        return self.drawing.add_axes(
            (
                left / self.width,
                1 - (top + height) / self.height,
                width / self.width,
                height / self.height,
            )
        )

    def text(self, left: float, top: float, said: str, **style: Any) -> None:
        """A line of text with its middle at ``top``."""
        at = (left / self.width, 1 - top / self.height)
        chosen: dict[str, Any] = {"va": "center", "fontsize": SMALL, **style}
        self.drawing.text(*at, said, **chosen)


def title_height(words: Words) -> float:
    """How far down the title reaches."""
    return MARGIN + 0.19 * len(_title_lines(words)) + 0.09


def _title_lines(words: Words) -> list[str]:
    return textwrap.wrap(words.title, 84) or [""]


def stamp_height(about: About) -> float:
    """What the stamp takes at the foot."""
    return 0.14 * len(_stamp_lines(about)) + 0.14


def _stamp_lines(about: About) -> list[str]:
    return textwrap.wrap(stamp_words(about), 150, break_on_hyphens=False)


@contextmanager
def styled(words: Words) -> Iterator[None]:
    """The house style, for everything drawn within."""
    chosen: Any = _STYLE | {"svg.hashsalt": words.name}
    with rc_context(chosen):
        yield


def sheet(height: float, words: Words, about: About) -> Sheet:
    """An empty sheet with title and stamp."""
    drawing = Drawing(figsize=(WIDTH, height), facecolor="white")
    page = Sheet(drawing, WIDTH, height)
    for row, line in enumerate(_title_lines(words)):
        page.text(MARGIN, MARGIN + 0.07 + 0.19 * row, line, fontsize=TITLE, fontweight="bold")
    lines = _stamp_lines(about)
    colour = ALARM if about.synthetic else SOFT_INK
    for row, line in enumerate(lines):
        page.text(MARGIN, height - 0.14 * (len(lines) - row), line, fontsize=6.5, color=colour)
    return page


def finished(page: Sheet, words: Words) -> Chart:
    """The chart as SVG and PNG; equal drawings give equal bytes."""
    alt = words.alt or f"{words.title}. {words.caption}".strip()
    return Chart(
        words.name,
        words.title,
        words.caption,
        alt,
        _svg(page.drawing, words.name, words.title, alt),
        _png(page.drawing),
        words.tables,
    )


def _png(drawing: Drawing) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(drawing)
    drawing.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _svg(drawing: Drawing, name: str, title: str, alt: str) -> str:
    buffer = io.StringIO()
    FigureCanvasSVG(drawing)
    drawing.savefig(buffer, format="svg", metadata={"Date": None})
    return _for_a_page(buffer.getvalue(), name, title, alt)


_LONG = re.compile(r"(?<![\w.])-?\d+\.\d{3,}(?![\w.])")
"""Coordinates of more than two decimals."""
_TAG = re.compile(r"<[^>]*>")
_ID = re.compile(r'(\bid="|href="#|url\(#)')
_FAMILY = re.compile(r"'DejaVu Sans'(, [^;\"]*?)?(?=[;\"])")


def _for_a_page(svg: str, name: str, title: str, alt: str) -> str:
    """Without prologue, metadata and rules for the page; ids its own; said in words for who cannot see."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"\s*<style type=\"text/css\">.*?</style>", "", body, flags=re.DOTALL)
    body = _TAG.sub(lambda tag: _LONG.sub(lambda found: f"{float(found[0]):.2f}", tag[0]), body)
    body = _ID.sub(lambda found: f"{found[1]}{name}-", body)
    body = _FAMILY.sub(FONT, body)
    head, rest = body.split(">", 1)
    head += (
        f' role="img" aria-labelledby="{name}-title {name}-desc"'
        ' style="stroke-linejoin:round;stroke-linecap:butt"'
    )
    words = f'<title id="{name}-title">{clean(title)}</title><desc id="{name}-desc">{clean(alt)}</desc>'
    return f"{head}>{words}{rest}"


def line_style(number: int) -> dict[str, Any]:
    """Colour and dash of the so-many-th line: after seven the colours come again with other dashes."""
    turn = number // len(LINES)
    return {"color": LINES[number % len(LINES)], "linestyle": DASHES[(number + turn) % len(DASHES)]}


def state_colours(states: Sequence[str]) -> dict[str, str]:
    """A colour for each state: the chain's own, others in turn."""
    others = iter(OTHER_STATES * (1 + len(states)))
    return {state: STATE_COLOURS.get(state) or next(others) for state in states}

"""Pictures: nothing cut off, nothing overlaps, nothing runs, the same text for the same picture."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from xml.etree import ElementTree

import networkx as nx
import pandas as pd
import pytest

from tracker.domain.chain import default_chain
from tracker.publish import pathway_layout
from tracker.publish.flow_diagram import FlowPicture, Node, flow_svg
from tracker.publish.flow_label import block_height
from tracker.publish.flow_layout import lay_out
from tracker.publish.flow_page_table import Section
from tracker.publish.pathway_layout import State, Step, label_width
from tracker.publish.pathway_picture import pathway_svg
from tracker.publish.report import flow_page
from tracker.publish.svg import text_width, wrap

STAMP = {
    "position": "48211",
    "as_of": "2026-01-31",
    "codebook": "3f9a1c+2",
    "definition": "flow/1",
    "software": "tracker 0.1.0",
    "synthetic": "yes",
}
SVG = "{http://www.w3.org/2000/svg}"
LONG = "Barnavårdsutredningsförlängningsbeslut om icke biståndsbedömd insats/ej levererad uppgift"


@dataclass(frozen=True)
class Placed:
    """A line of text and the box it fills at most."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Placed) -> bool:
        aside = self.right <= other.left or other.right <= self.left
        return not (aside or self.bottom <= other.top or other.bottom <= self.top)


def _texts(node: ElementTree.Element, x: float = 0, y: float = 0) -> Iterator[Placed]:
    moved = re.fullmatch(r"translate\((\S+) (\S+)\)", node.get("transform", "translate(0 0)"))
    assert moved
    x, y = x + float(moved[1]), y + float(moved[2])
    if node.tag == f"{SVG}text":
        size, words = float(node.attrib["font-size"]), node.text or ""
        width = text_width(words, size, node.get("font-weight", "normal"))
        left = x + float(node.attrib["x"]) - (width / 2 if node.get("text-anchor") == "middle" else 0)
        baseline = y + float(node.attrib["y"])
        yield Placed(words, left, baseline - 0.74 * size, left + width, baseline + 0.2 * size)
    for child in node:
        yield from _texts(child, x, y)


def assert_legible(svg: str) -> list[Placed]:
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    texts = list(_texts(root))
    cut_off = [t for t in texts if t.left < 0 or t.top < 0 or t.right > width or t.bottom > height]
    assert not cut_off
    assert not [(a.text, b.text) for a, b in combinations(texts, 2) if a.meets(b)]
    return texts


def chain(scale: float, label: str = "") -> FlowPicture:
    def n(count: int) -> int:
        return round(count * scale)

    columns = [
        [Node("received", f"Received {label}", n(220_000))],
        [
            Node("opened", f"Opened {label}", n(92_000), "42 % of received"),
            Node("attached", f"Attached {label}", n(21_000), "10 % of received"),
            Node("not", f"Not opened {label}", n(94_000), "43 % of received", muted=True),
            Node("missing", f"Not delivered {label}", n(13_000), "6 % of received", muted=True),
        ],
        [
            Node("need", f"Need {label}", n(54_000), "59 % of opened, 25 % of received; 95 % CI 24.6–25.2"),
            Node("none", f"No need {label}", n(59_000), "", muted=True),
        ],
        [Node("granted", f"Granted {label}", n(36_000)), Node("returned", f"Returned {label}", n(5_000))],
    ]
    edges = [
        ("received", "opened", n(92_000)),
        ("received", "attached", n(21_000)),
        ("received", "not", n(94_000)),
        ("received", "missing", n(13_000)),
        ("opened", "need", n(50_000)),
        ("opened", "none", n(42_000)),
        ("attached", "need", n(4_000)),
        ("attached", "none", n(17_000)),
        ("need", "granted", n(36_000)),
        ("opened", "returned", n(5_000)),
    ]
    heads = ("Referrals", "Decision to open", "Need assessed", "Decision")
    return FlowPicture("The sorting chain", "All municipalities", columns, edges, STAMP, heads)


SCALES = [0, 1 / 220_000, 1 / 20_000, 0.01, 1, 50_000]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("label", ["", LONG])
def test_flow_labels_are_whole_and_apart(scale: float, label: str) -> None:
    picture = chain(scale, label)
    texts = assert_legible(flow_svg(picture))
    words = "".join(text.text for text in texts).replace("-", "").replace(" ", "")
    for node in (node for column in picture.columns for node in column):
        assert node.label.replace(" ", "") in words
        assert f"{node.count:,}".replace(",", "\u00a0") in {text.text for text in texts}


@pytest.mark.parametrize("scale", SCALES)
def test_no_band_strikes_a_label_through(scale: float) -> None:
    layout = lay_out(chain(scale, "of a child"))
    for band in layout.bands:
        for stop in layout.stops:
            straight = layout.x[stop.column] < band.bend and band.x0 < layout.x[stop.column] + 20
            top, bottom = stop.label_top, stop.label_top + block_height(stop.block)
            meets = band.y0 - band.width / 2 < bottom and top < band.y0 + band.width / 2
            inside_its_bar = stop.top <= top and bottom <= stop.top + stop.height
            assert not (straight and meets and stop.block) or inside_its_bar


def test_band_heights_are_proportional_and_fill_their_bars() -> None:
    layout = lay_out(chain(1))
    stops = {stop.id: stop for stop in layout.stops}
    per_case = stops["received"].height / 220_000
    assert stops["not"].height == pytest.approx(94_000 * per_case)
    leaving = [band for band in layout.bands if band.x0 == layout.x[0] + 12]
    assert sum(band.width for band in leaving) == pytest.approx(stops["received"].height)
    assert {stops[name].top for name in ("received", "opened", "need", "granted")} == {stops["need"].top}


def test_an_edge_past_a_column_gets_a_lane_of_its_own() -> None:
    lanes = [stop for stop in lay_out(chain(1)).stops if stop.node is None]
    assert [lane.column for lane in lanes] == [2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"edges": [("opened", "received", 1)]}, "later column"),
        ({"edges": [("received", "nowhere", 1)]}, "later column"),
        ({"edges": [("received", "opened", -1)]}, "negative"),
        ({"columns": [[Node("a", "A", 1)], [Node("a", "A", 1)]], "edges": [], "headings": ()}, "twice"),
        ({"headings": ("one",)}, "as many"),
    ],
)
def test_a_flow_that_does_not_hold_together_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(chain(1), **change)  # type: ignore[arg-type]  # wrong on purpose


def test_flow_is_stamped_described_and_inert() -> None:
    svg = flow_svg(replace(chain(1), title='<script>alert("å")</script>\0'))
    root = ElementTree.fromstring(svg)
    shown = " ".join(text.text for text in _texts(root))
    assert "SYNTETISKA DATA · inte röjandekontrollerad · läge i loggen 48211" in shown
    carried = root.findtext(f"{SVG}metadata") or ""
    assert carried.startswith("SYNTHETIC DATA · not disclosure-controlled · as of position 48211")
    assert "Not opened" in (root.findtext(f"{SVG}desc") or "")
    assert root.find(f".//{SVG}script") is None
    assert "href" not in svg
    assert "url(" not in svg


def test_equal_pictures_are_equal_text() -> None:
    assert flow_svg(chain(1)) == flow_svg(chain(1))
    graph = pathways(1)
    turned: nx.DiGraph[str] = nx.DiGraph()
    turned.add_nodes_from(reversed(list(graph.nodes(data=True))))
    turned.add_edges_from(reversed(list(graph.edges(data=True))))
    assert pathway_svg(graph, "T", "S", STAMP) == pathway_svg(turned, "T", "S", STAMP)


def test_page_loads_nothing_and_shows_tables_and_definitions_in_swedish() -> None:
    table = pd.DataFrame({"steg": ["<b>inkomna"], "antal": [220_000], "andel": [0.5]})
    told = [Section("Förhandsbedömning", "Andel av steget: inkomna & sorterade.", table)]
    page = flow_page(chain(1), told, [("inkomna", "kom in & räknades")])
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)
    assert "&lt;b&gt;inkomna" in page
    assert '<td class="n">220\u00a0000</td>' in page
    assert "<h3>Förhandsbedömning</h3><p>Andel av steget: inkomna &amp; sorterade.</p>" in page
    assert "<dd>kom in &amp; räknades</dd>" in page
    assert page.count("SYNTETISKA DATA") >= 3 and "inte röjandekontrollerad" in page
    assert '<html lang="sv">' in page and page.count("not disclosure-controlled") == 2  # carried, unseen
    assert page == flow_page(chain(1), told, [("inkomna", "kom in & räknades")])


def pathways(scale: float, label: str = "", seed: int = 1) -> nx.DiGraph[str]:
    rng = random.Random(seed)
    graph: nx.DiGraph[str] = default_chain().graph.copy()
    graph.add_edge("investigation", "investigation")
    for name in graph:
        graph.nodes[name].update(count=round(rng.randrange(250_000) * scale), label=f"{name} {label}")
    for source, target in graph.edges:
        days = rng.choice([None, float("nan"), 0.0, 17.0, 346.5])
        graph.edges[source, target].update(count=round(rng.randrange(90_000) * scale), median_days=days)
    return graph


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("label", ["", "(förhandsbedömning pågår)"])
def test_pathway_labels_are_whole_and_apart(scale: float, label: str) -> None:
    texts = assert_legible(pathway_svg(pathways(scale, label), "Pathways", "All", STAMP))
    said = {text.text for text in texts}
    for source, target, data in pathways(scale, label).edges(data=True):
        figure = f"{data['count']:,}".replace(",", "\u00a0")
        assert not data["count"] or any(figure in text for text in said), (source, target)


@pytest.mark.parametrize("seed", range(25))
def test_arcs_keep_off_labels_and_each_other(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.randint(1, 7)
    states = [State(f"state {n}", str(rng.randrange(10**6))) for n in range(size)]
    pairs = [(a, b) for a in range(size) for b in range(size) if rng.random() < 0.7]
    steps = [
        Step(a, b, f"{rng.randrange(10**6)} · {rng.randrange(999)} d", rng.uniform(1.2, 9)) for a, b in pairs
    ]
    layout = pathway_layout.lay_out(states, steps)
    assert len(layout.arcs) + len(layout.arrows) == len(steps)
    for one, other in combinations(layout.arcs, 2):
        if one.step.above == other.step.above:
            inner, outer = sorted((one, other), key=lambda arc: arc.lane)
            half = label_width(inner.step) / 2
            crossing = [x for x in (outer.x0, outer.x1) if abs(x - inner.label_x) < half]
            assert inner.lane == outer.lane or not crossing
            apart = max(one.x0, one.x1) < min(other.x0, other.x1) or max(other.x0, other.x1) < min(
                one.x0, one.x1
            )
            assert inner.lane != outer.lane or apart
    for left, right in zip(layout.boxes, layout.boxes[1:], strict=False):
        assert right.x - left.x - left.width > max(map(label_width, steps), default=0)


def test_a_state_without_rank_is_refused() -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node("somewhere", count=1)
    with pytest.raises(ValueError, match="somewhere has no rank"):
        pathway_svg(graph, "T", "S", STAMP)


def test_wrapping_keeps_every_letter_and_the_width() -> None:
    rows = wrap(LONG, 13, 90)
    assert "".join(rows).replace("-", "").replace(" ", "") == LONG.replace(" ", "")
    assert all(text_width(row, 13) <= 90 for row in rows)
    rows = wrap("about 1 234 567 or 12 % of it", 13, 75)
    assert rows == ["about", "1\u00a0234\u00a0567", "or 12\u00a0% of", "it"]
    assert wrap("", 13, 90) == []

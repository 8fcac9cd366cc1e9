"""Charts: the same bytes for the same result, numbers at risk where they belong, sound SVG for a page."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from tracker.estimate.results import About, Coefficients, Curves, Method, Summary
from tracker.publish.chart_time import DAYS_IN_MONTH, at_risk, kept, panels, ticks
from tracker.publish.charts import (
    SWEDISH,
    Scale,
    Words,
    bars,
    dots,
    forest,
    interrupted_series,
    stacked_occupation,
    step_curves,
)

ABOUT = About("first-1a2b", "entry", "child", 4711, "codebook-1", synthetic=True)
METHOD = Method("a method", "somewhere")
SVG = "{http://www.w3.org/2000/svg}"


def curves(strata=("sex",), key=("state",), levels=(("girl",), ("boy",)), states=("referral", "closed")):
    rows = [
        dict(zip(strata, level, strict=True))
        | {
            "state": state,
            "time": float(time),
            "step": 1,
            "at_risk": 900.0 - time - 100 * number,
            "events": 1.0,
        }
        | {"estimate": value, "std_error": 0.05, "lower": value - 0.05, "upper": value + 0.05}
        for level in levels
        for number, state in enumerate(states)
        for time, value in ((0, 0.9 - 0.8 * number), (100, 0.5), (731, 0.2 + 0.6 * number))
    ]
    return Curves("state occupation", pd.DataFrame(rows), strata, key, ABOUT, METHOD)


def texts(svg):
    return ["".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def every_chart():
    coefficients = pd.DataFrame(
        {"term": ["sex: boy", "age"], "ratio": [1.2, 0.9], "lower": [1.0, 0.8], "upper": [1.5, 1.1]}
    )
    fitted = Coefficients("hazard ratio", coefficients, np.eye(2), (0.0, 1.0), 9, 9, 9, ABOUT, METHOD)
    numbers = pd.DataFrame(
        {"state": ["a", "b"], "estimate": [10.0, np.nan], "lower": [8.0, np.nan], "upper": [12.0, np.nan]}
    )
    summary = Summary("days", numbers, (), ("state",), ABOUT, METHOD)
    months = [date(2025, month, 1) for month in range(1, 13)]
    series = pd.DataFrame({"period": months, "value": range(12), "fitted": range(12), "counterfactual": 3.0})
    paths = pd.DataFrame({"path": ["referral → closed", "a & b"], "episodes": [1200, 3]})
    return [
        step_curves(curves(), Words("steps", "Steps"), panel="state", line="sex", labels=SWEDISH),
        stacked_occupation(curves(), Words("stack", "Stack"), panel="sex"),
        forest(fitted, Words("forest", "Forest"), reference={"sex": "girl"}),
        dots(summary, Words("dots", "Dots"), row="state"),
        interrupted_series(series, Words("series", "Series"), ABOUT, y="referrals"),
        bars(paths, Words("bars", "Bars <1>"), ABOUT, label="path", value="episodes"),
    ]


def test_the_same_result_gives_the_same_bytes():
    for first, second in zip(every_chart(), every_chart(), strict=True):
        assert (first.svg, first.png) == (second.svg, second.png), first.name


def test_svg_stands_alone_and_in_a_page_says_what_it_shows():
    for chart in every_chart():
        root = ElementTree.fromstring(chart.svg)
        assert root.get("role") == "img" and root.find(f"{SVG}title").text == chart.title
        assert not list(root.iter(f"{SVG}style")) and "<metadata" not in chart.svg
        ids = [node.get("id") for node in root.iter() if node.get("id")]
        assert len(ids) == len(set(ids)) and all(name.startswith(f"{chart.name}-") for name in ids)
        links = [value[1:] for node in root.iter() for name, value in node.items() if name.endswith("href")]
        assert set(links) <= set(ids)


def test_every_chart_carries_its_stamp():
    for chart in every_chart():
        line = next(text for text in texts(chart.svg) if text.startswith("SYNTHETIC DATA"))
        assert "as of position 4711" in line and line.endswith("not disclosure-controlled")
        assert chart.png.startswith(b"\x89PNG") and b"matplotlib" not in chart.png.lower()


def test_numbers_at_risk_are_those_just_before_each_tick():
    one = panels(curves(), "state", "sex")[0].lines[0]
    assert one.at_risk([0, 1, 100, 101, 731, 732]) == [900, 800, 800, 169, 169, 0]
    assert one.at_risk([100.3, 730.5]) == [800, 169], "as tables at the nearest day"
    svg = step_curves(curves(), Words("steps", "Steps"), panel="state", line="sex").svg
    assert texts(svg).count("900") == 2 and "at risk, in the order above" in texts(svg)


def test_who_enters_at_a_later_step_of_the_first_day_is_among_those_at_the_start():
    rows = pd.DataFrame({"time": [0.0, 0.0, 7.0], "step": [1, 2, 1], "at_risk": [4571.0, 4594.0, 4000.0]})
    assert at_risk(rows, [0, 7, 8]) == [4594, 4000, 0]


def test_numbers_mostly_below_one_have_three_decimals_and_no_interval_is_no_nan():
    frame = pd.DataFrame(
        {"move": ["a", "b", "c"], "estimate": [0.0276, 1.7, 0.0], "lower": [0.02, 1.6, np.nan]}
    ).assign(upper=[0.04, 1.8, np.nan])
    svg = dots(
        Summary("rate", frame, (), ("move",), About(), Method("m", "s")), Words("r", "R"), row="move"
    ).svg
    assert {"0.028 (0.020–0.040)", "1.700 (1.600–1.800)", "0.000"} <= set(texts(svg))


def test_states_have_swedish_names_where_asked():
    assert "aktualisering" in texts(every_chart()[0].svg)
    assert "closed (nothing open)" in texts(every_chart()[1].svg)


def test_curves_that_would_hide_each_other_are_refused():
    with pytest.raises(ValueError, match="curves differ by state too"):
        step_curves(curves(), Words("x", "X"), line="sex")


def test_many_lines_and_many_panels_are_drawn():
    many = curves(levels=[(f"level {n}",) for n in range(13)], states=("closed",))
    assert step_curves(many, Words("many", "Many"), line="sex").png
    assert step_curves(many, Words("panels", "Panels"), panel="sex", scale=Scale.NUMBER).png


def test_an_empty_result_says_so():
    nobody = Curves("x", pd.DataFrame(columns=[*curves().frame.columns]), (), ("state",), ABOUT, METHOD)
    for chart in (
        step_curves(nobody, Words("e1", "Empty")),
        stacked_occupation(nobody, Words("e2", "Empty")),
        bars(pd.DataFrame(columns=["a", "b"]), Words("e3", "Empty"), ABOUT, label="a", value="b"),
    ):
        assert "No one is in this figure." in texts(chart.svg)


def test_values_not_known_are_said_in_words():
    assert "not known yet" in texts(every_chart()[3].svg)


def test_ticks_are_months_when_there_are_more_than_three():
    assert ticks(731, 6).labels == ("0", "3", "6", "9", "12", "15", "18", "21", "24")
    assert ticks(731, 2).labels == ("0", "6", "12", "18", "24")
    assert ticks(14, 6).unit == "days"
    assert ticks(731, 6).days[4] == pytest.approx(12 * DAYS_IN_MONTH)


def test_only_steps_nobody_could_see_are_left_out():
    values = np.array([[0.0], [0.001], [0.0011], [0.5], [np.nan], [np.nan]])
    assert kept(values, 0.01).tolist() == [0, 3, 4, 5]
    assert kept(np.array([[0.0], [0.006], [0.012]]), 0.01).tolist() == [0, 2]

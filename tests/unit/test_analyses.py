"""Analyses from the command line: published whole, self-contained, with what stands behind every figure."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.small_snapshots import covered, small_snapshot
from tracker.cli.main import app
from tracker.desk.analyses import analyse, analysis, available
from tracker.domain.errors import NotFound, SnapshotError, UsageError
from tracker.estimate.from_cohort import risk_sets, stays
from tracker.estimate.risk_sets import count
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import parse_cohort
from tracker.projections.flow_clock import Clock
from tracker.projections.pathway_tables import pathway_tables
from tracker.publish.findings import share_said
from tracker.publish.prose import read_prose

DAY0 = date(2024, 1, 1)


def child(name, *stays_, exit="censored", until=700, **more):
    """Stays as (state, day entered, episode); each is left for the next."""
    first = {}
    for _, entered, episode in stays_:
        first.setdefault(episode, entered)
    return [
        {
            "subject_id": name,
            "episode": episode,
            "spell": n + 1,
            "state": state,
            "entered_on": DAY0 + timedelta(days=entered),
            "entered_step": 0 if n == 0 else 1,
            "left_on": DAY0 + timedelta(days=stays_[n + 1][1] if n + 1 < len(stays_) else until),
            "left_step": 1 if n + 1 < len(stays_) or exit != "censored" else None,
            "to_state": stays_[n + 1][0] if n + 1 < len(stays_) else {"absorbing": "adult"}.get(exit),
            "exit": "transition" if n + 1 < len(stays_) else exit,
            "state_entered_on": DAY0 + timedelta(days=entered),
            "episode_entered_on": DAY0 + timedelta(days=first[episode]),
            **more,
        }
        for n, (state, entered, episode) in enumerate(stays_)
    ]


SPELLS = [
    *child(
        "a",
        ("referral", 0, 1),
        ("investigation", 10, 1),
        ("closed", 100, 1),
        ("referral", 200, 2),
        ("closed", 206, 2),
    ),
    *child(
        "b", ("referral", 0, 1), ("closed", 4, 1), ("referral", 50, 2), ("closed", 52, 2), exit="absorbing"
    ),
    *child("c", ("referral", 5, 1), ("investigation", 9, 1), sex="boy"),
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return small_snapshot(tmp_path_factory.mktemp("snapshot"), spells=SPELLS, coverage=covered("0180"))


def tables(snapshot, tmp_path, by=()):
    cohort = draw(snapshot, parse_cohort("name: all\nentry: {event: observed}\ncovariates: {sex: }"))
    return pathway_tables(cohort, tmp_path, by)


def test_moves_count_what_was_seen(snapshot, tmp_path):
    moves = tables(snapshot, tmp_path).moves.set_index(["source", "target"])
    assert moves["count"].to_dict() == {
        ("closed", "adult"): 1,
        ("closed", "censored"): 1,
        ("closed", "referral"): 2,
        ("investigation", "censored"): 1,
        ("investigation", "closed"): 1,
        ("referral", "closed"): 3,
        ("referral", "investigation"): 2,
    }
    assert moves.loc[("referral", "closed"), ["children", "followed_on", "share"]].tolist() == [2, 5, 0.6]
    assert moves.loc[("referral", "closed"), "median_days"] == 4
    assert pd.isna(moves.loc[("closed", "censored"), "share"])


def test_endings_paths_loops_and_visits(snapshot, tmp_path):
    found = tables(snapshot, tmp_path)
    endings = found.endings.set_index(["left_from", "ended"])
    assert endings["count"].to_dict() == {
        ("investigation", "closed"): 1,
        ("investigation", "open"): 1,
        ("referral", "closed"): 3,
    }
    assert endings.loc[("referral", "closed"), "share"] == 0.75
    assert found.paths[["path", "episodes", "share"]].values.tolist() == [
        ["referral → closed", 3, 0.75],
        ["referral → investigation → closed", 1, 0.25],
    ]
    assert found.loops[["state", "way", "returns", "median_days_away"]].values.tolist() == [
        ["closed", "closed → referral → closed", 2, 4],
        ["referral", "referral → closed → referral", 1, 46],
        ["referral", "referral → investigation → closed → referral", 1, 190],
    ]
    assert found.visits.query("state == 'referral'")[["times", "children"]].values.tolist() == [
        ["1", 1],
        ["2", 2],
    ]
    by_sex = tables(snapshot, tmp_path, ["sex"]).moves
    assert by_sex.groupby("sex")["count"].sum().to_dict() == {"boy": 2, "girl": 9}


def test_counts_from_the_engine_and_from_stays_agree(snapshot):
    cohort = draw(snapshot, parse_cohort("name: first\nentry: {event: first_referral}\ncovariates: {sex: }"))
    for clock in (Clock.ENTRY, Clock.STATE, Clock.CALENDAR, Clock.EPISODE):
        one, other = risk_sets(cohort, clock, ["sex"]), count(stays(cohort, clock, ["sex"]))
        assert one.states == other.states and (one.at_risk == other.at_risk).all()
        assert (one.moved == other.moved).all() and one.about == other.about


def test_an_analysis_from_the_command_line(snapshot, tmp_path):
    asked = ["analyse", "pathways", str(snapshot.folder), "--out", str(tmp_path), "--by", "sex", "--json"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    folder = tmp_path / "pathways"
    assert (told["children"], told["folder"]) == (3, str(folder))
    manifest = json.loads((folder / "analysis.json").read_text())
    assert manifest["cohort"]["by"] == ["sex"] and manifest["stamp"]["position"] == "4711"
    assert {f"tables/moves.{suffix}" for suffix in ("parquet", "csv", "xlsx")} <= set(manifest["files"])
    assert {"figures/endings.svg", "figures/endings.png", "tables/attrition.csv"} <= set(manifest["files"])
    for svg in (folder / "figures").glob("*.svg"):
        ElementTree.fromstring(svg.read_bytes())


def test_the_report_stands_alone_and_says_what_a_reader_needs(snapshot, tmp_path):
    published = analyse(analysis("pathways"), snapshot, tmp_path)
    page = published.files[0].read_text(encoding="utf-8")
    for heading in (
        "Question",
        "Cohort",
        "Estimand",
        "Definitions",
        "Denominators",
        "Methods",
        "Choices",
        "Limits",
    ):
        assert f">{heading}</h2>" in page
    assert "SYNTHETIC DATA" in page and "as of position 4711" in page and "not disclosure-controlled" in page
    assert "Who is left after each rule" in page and page.count("<svg") == 4
    assert "<script" not in page and not re.search(r'(src|href)="(?!#)', page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in re.findall(r'href="(#[^"]+)"', page)} <= set(ids)


def test_the_same_analysis_gives_the_same_files(snapshot, tmp_path):
    first = analyse(analysis("pathways"), snapshot, tmp_path / "one", by=["sex"])
    second = analyse(analysis("pathways"), snapshot, tmp_path / "two", by=["sex"])
    for a, b in zip(first.files, second.files, strict=True):
        assert a.name == b.name and a.read_bytes() == b.read_bytes(), a.name


def test_an_empty_cohort_is_published_too(snapshot, tmp_path):
    (tmp_path / "none.yaml").write_text("name: none\nentry: {event: observed, from: 2040-01-01}\n")
    done = analyse(analysis("pathways"), snapshot, tmp_path, cohort_file=tmp_path / "none.yaml")
    assert done.children == 0 and "No one is in this figure." in done.files[0].read_text(encoding="utf-8")


def test_the_event_log_is_one_pm4py_reads(snapshot, tmp_path):
    pm4py = pytest.importorskip("pm4py")
    done = analyse(analysis("pathways"), snapshot, tmp_path)
    path = done.folder / "event_log.parquet"
    log = pd.read_parquet(path)
    assert not set(log["case:concept:name"]) & {"a", "b", "c"}
    assert b"tracker_stamp" in pq.read_schema(path).metadata
    follows, starts, ends = pm4py.discover_dfg(log)
    assert follows[("referral", "closed")] == 3 and follows[("closed", "referral")] == 2
    assert starts == {"referral": 3} and ends == {"closed": 1, "adult": 1, "investigation": 1}


def test_nothing_is_left_when_an_analysis_fails(snapshot, tmp_path):
    (tmp_path / "varying.yaml").write_text("name: x\nentry: {event: state_entered, state: nowhere}\n")
    with pytest.raises(UsageError, match="nowhere"):
        analyse(analysis("pathways"), snapshot, tmp_path / "out", cohort_file=tmp_path / "varying.yaml")
    assert list((tmp_path / "out").iterdir()) == []


def test_another_folder_is_not_replaced(snapshot, tmp_path):
    (tmp_path / "pathways").mkdir()
    (tmp_path / "pathways" / "thesis.docx").touch()
    with pytest.raises(SnapshotError, match="is not an analysis"):
        analyse(analysis("pathways"), snapshot, tmp_path)


def test_analyses_are_listed_and_unknown_ones_refused():
    assert "pathways" in [one.name for one in available()]
    with pytest.raises(NotFound, match=r"no analysis pathway; there are .*pathways"):
        analysis("pathway")
    listed = CliRunner().invoke(app, ["analyse", "--list"])
    assert listed.exit_code == 0 and "pathways" in listed.stdout


def test_a_breakdown_that_does_not_exist_is_refused(snapshot, tmp_path):
    with pytest.raises(UsageError, match="Unknown by hair"):
        analyse(analysis("pathways"), snapshot, tmp_path, by=["hair"])


def test_a_readme_is_read_into_sections_or_refused():
    text = "# Title\n\n" + "\n".join(
        f"## {one}\n\nA `b` & **c**.\n\n- d\n  e\n- f\n" for one in ("Question", "Cohort")
    )
    with pytest.raises(UsageError, match="lacks Estimand, Choices, Limits"):
        read_prose(text, "x")
    whole = text + "\n".join(f"## {one}\n\nx\n" for one in ("Estimand", "Choices", "Limits"))
    title, sections = read_prose(whole, "x")
    assert title == "Title"
    assert (
        sections["Question"]
        == "<p>A <code>b</code> &amp; <strong>c</strong>.</p>\n<ul><li>d e</li><li>f</li></ul>"
    )


def test_a_share_is_said_with_its_interval_where_there_is_one() -> None:
    assert share_said({"estimate": 0.5, "lower": 0.25, "upper": 0.75}) == "50.0 % (25.0–75.0)"
    assert share_said({"estimate": 1.0, "lower": float("nan"), "upper": float("nan")}) == "100.0 %"

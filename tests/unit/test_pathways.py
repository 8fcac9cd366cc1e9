"""Pathways counted from a few hand-made spells, and held against a plain count on generated ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from statistics import median
from xml.etree import ElementTree

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.small_snapshots import small_snapshot
from tracker.domain.errors import UsageError
from tracker.projections.pathways import graphml, pathways

FIRST = date(2024, 1, 1)


def spell(place, state, start, days, then, *, exit="transition", step=1, since=None, **more):
    """One row; ``place`` is child, episode and number, days count from the first of 2024."""
    child, episode, number = place.split()
    entered = FIRST + timedelta(days=start)
    return {
        "subject_id": child,
        "episode": int(episode),
        "spell": int(number),
        "state": state,
        "entered_on": entered,
        "entered_step": step,
        "left_on": entered + timedelta(days=days),
        "to_state": then,
        "exit": exit,
        "episode_entered_on": FIRST + timedelta(days=start if since is None else since),
        **more,
    }


SPELLS = [
    spell("a 1 1", "referral", 0, 10, "investigation", step=0),
    spell("a 1 2", "investigation", 10, 100, "closed", since=0),
    spell("a 1 3", "closed", 110, 50, "referral", since=0),
    spell("a 2 4", "referral", 160, 4, "closed"),
    spell("a 2 5", "closed", 164, 500, None, exit="censored", since=160),
    spell("b 1 1", "referral", 0, 20, "investigation", step=0),
    spell("b 1 2", "investigation", 20, 300, None, exit="censored", since=0),
    spell("c 1 1", "investigation", 0, 30, None, exit="coverage", step=0, since=-40),
    spell("c 1 2", "investigation", 90, 10, "adult", exit="absorbing", step=0, since=-40),
    spell("d 1 1", "referral", 0, 6, "closed", step=0, municipality="1480"),
    spell("d 1 2", "closed", 6, 60, "moved", exit="moved", since=0, municipality="1480"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return pathways(small_snapshot(tmp_path_factory.mktemp("pathways"), spells=SPELLS))


EDGES = {
    ("entry", "referral"): (3, 3, None),
    ("entry", "investigation"): (2, 1, None),
    ("referral", "investigation"): (2, 2, 15),
    ("referral", "closed"): (2, 2, 5),
    ("investigation", "closed"): (1, 1, 100),
    ("investigation", "censored"): (1, 1, 300),
    ("investigation", "coverage"): (1, 1, 30),
    ("investigation", "adult"): (1, 1, 10),
    ("closed", "referral"): (1, 1, 50),
    ("closed", "censored"): (1, 1, 500),
    ("closed", "moved"): (1, 1, 60),
}


def test_edges_carry_counts_children_and_median_days(found):
    edges = found.graph.edges(data=True)
    assert {(a, b): (d["count"], d["children"], d.get("median_days")) for a, b, d in edges} == EDGES


def test_nodes_carry_rank_count_and_swedish_label(found):
    assert found.graph.nodes["entry"] == {
        "rank": -1,
        "count": 5,
        "label": "in i observation",
        "absorbing": False,
    }
    assert found.graph.nodes["investigation"]["count"] == 4
    assert found.graph.nodes["investigation"]["label"] == "utredning"
    assert found.graph.nodes["adult"]["absorbing"] and found.graph.nodes["adult"]["count"] == 1
    ranks = [data["rank"] for _, data in found.graph.nodes(data=True)]
    assert ranks == sorted(ranks)


def test_the_table_behind_the_graph(found):
    table = found.edges.set_index(["source", "target"])
    assert table.loc[("referral", "closed"), "share_of_source"] == 0.5
    assert len(table) == len(EDGES)


PATHS = {
    "referral → investigation → closed": (1, 110),
    "referral → closed": (2, 5),
    "referral → investigation → …": (1, None),
    "… → investigation → … → investigation → adult": (1, None),
}


def test_paths_of_episodes(found):
    rows = found.paths.itertuples(index=False)
    told = {
        row.path: (row.episodes, None if row.median_days != row.median_days else row.median_days)
        for row in rows
    }
    assert told == PATHS
    assert found.paths["path"].iloc[0] == "referral → closed"
    assert found.paths["share"].sum() == pytest.approx(1)


def test_only_the_most_frequent_paths_with_shares_of_all(tmp_path):
    top = pathways(small_snapshot(tmp_path, spells=SPELLS), top=1)
    assert list(top.paths["path"]) == ["referral → closed"]
    assert top.paths["share"].iloc[0] == pytest.approx(0.4)


def test_narrowed_to_a_municipality(tmp_path):
    snapshot = small_snapshot(tmp_path, spells=SPELLS)
    narrowed = pathways(snapshot, where={"municipality": "1480"})
    assert set(narrowed.graph.edges) == {("entry", "referral"), ("referral", "closed"), ("closed", "moved")}
    assert narrowed.stamp["cohort"] == "municipality=1480"
    with pytest.raises(UsageError, match="choose among"):
        pathways(snapshot, where={"colour": "red"})


def test_a_state_of_another_chain_is_named(tmp_path):
    snapshot = small_snapshot(tmp_path, spells=[spell("a 1 1", "asleep", 0, 1, "closed", step=0)])
    with pytest.raises(UsageError, match="no state asleep"):
        pathways(snapshot)


def test_no_spells_is_an_empty_graph(tmp_path):
    found = pathways(small_snapshot(tmp_path))
    assert not found.graph.nodes and found.edges.empty and found.paths.empty


def test_graphml_is_typed_stamped_and_the_same_for_the_same_graph(found):
    text = graphml(found.graph, found.stamp)
    backwards = nx.DiGraph()
    backwards.add_nodes_from(reversed(list(found.graph.nodes(data=True))))
    backwards.add_edges_from(reversed(list(found.graph.edges(data=True))))
    assert graphml(backwards, found.stamp) == text
    read = nx.parse_graphml(text)
    assert read.edges["referral", "investigation"] == found.graph.edges["referral", "investigation"]
    assert read.nodes["adult"] == found.graph.nodes["adult"]
    assert read.graph["disclosure"] == "not disclosure-controlled"
    ElementTree.fromstring(text)


STATES = ("referral", "investigation", "granted", "intervention", "closed")
stays = st.tuples(st.sampled_from(STATES), st.integers(0, 40))
lives = st.lists(st.tuples(st.lists(stays, min_size=1, max_size=5), st.booleans()), max_size=8)


def walked(child: str, states: list[tuple[str, int]], censored: bool) -> list[dict]:
    rows, start = [], 0
    for place, (state, days) in enumerate(states):
        last = place == len(states) - 1
        then = None if last and censored else "moved" if last else states[place + 1][0]
        exit_ = "censored" if then is None else "moved" if then == "moved" else "transition"
        step = 0 if place == 0 else 1
        rows.append(spell(f"{child} 1 {place + 1}", state, start, days, then, exit=exit_, step=step, since=0))
        start += days
    return rows


@given(lives=lives)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_graph_is_a_plain_count(tmp_path_factory, lives):
    rows = [row for n, (states, censored) in enumerate(lives) for row in walked(f"c{n}", states, censored)]
    counts: Counter[tuple[str, str]] = Counter()
    children, days = defaultdict(set), defaultdict(list)
    for row in rows:
        if row["entered_step"] == 0:
            counts["entry", row["state"]] += 1
            children["entry", row["state"]].add(row["subject_id"])
        edge = row["state"], row["to_state"] or "censored"
        counts[edge] += 1
        children[edge].add(row["subject_id"])
        days[edge].append((row["left_on"] - row["entered_on"]).days)
    graph = pathways(small_snapshot(tmp_path_factory.mktemp("graph"), spells=rows)).graph
    assert {
        edge: data["count"] for *edge_, data in graph.edges(data=True) for edge in [tuple(edge_)]
    } == counts
    for source, target, data in graph.edges(data=True):
        assert data["children"] == len(children[source, target])
        expected = median(days[source, target]) if (source, target) in days else None
        assert data.get("median_days") == expected

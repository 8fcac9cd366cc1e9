"""Pathways: which state really followed which, from the spells of a snapshot, as a graph and as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import networkx as nx
import pandas as pd

from tracker.domain.chain import ADULT, CLOSED, DEAD, MOVED, Chain, default_chain
from tracker.domain.errors import UsageError
from tracker.projections.cohort import StudyCohort
from tracker.projections.flow_counts import rows
from tracker.projections.reading import opened, session
from tracker.projections.snapshot import Snapshot
from tracker.projections.stamping import stamp_of
from tracker.projections.workspace import quoted, sql

DEFINITION = "pathways/1"
ENTRY, CENSORED, COVERAGE = "entry", "censored", "coverage"
GROUPS = ("municipality", "sex", "age_group")
"""What pathways can be narrowed to; age group is that on entering the stay."""

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "count",
        "of an edge: stays in its first state that were followed by its second; of a state: stays in it",
    ),
    ("children", "distinct children among them"),
    (
        "median days",
        "of the stays that ended that way, from entering the state; those still open are not in it",
    ),
    ("entry", "observation of the child began or resumed in that state: its first case, or coverage began"),
    ("censored", "observation ended while in the state, or what was open was last seen and not its end"),
    ("coverage", "a gap in what was delivered began while in the state"),
    (
        "path",
        "the states of one episode in order, closed at its end; … where it was not seen from its start, over "
        "a gap, or to its end. Median days from the start of the episode to closed, among those seen whole",
    ),
)

_LABELS = {
    ENTRY: "in i observation",
    CLOSED: "avslutad",
    ADULT: "vuxen",
    MOVED: "flyttat",
    DEAD: "avliden",
    CENSORED: "observationen slutar",
    COVERAGE: "lucka i leveranserna",
}
_ENDS = (ADULT, MOVED, DEAD, CENSORED, COVERAGE)


@dataclass(frozen=True)
class Pathways:
    """The graph with the tables behind it, stamped.

    ``edges``: source, target, count, children, median_days, share_of_source. ``paths``: path, episodes,
    children, share (of all episodes), median_days; the most frequent first.
    """

    graph: nx.DiGraph[str]
    edges: pd.DataFrame
    paths: pd.DataFrame
    stamp: Mapping[str, str]
    definitions: tuple[tuple[str, str], ...] = DEFINITIONS


def pathways(
    snapshot: Snapshot | Path | str,
    *,
    where: Mapping[str, str] | None = None,
    chain: Chain | None = None,
    top: int = 25,
) -> Pathways:
    """Graph, its table and the ``top`` most frequent paths of the spells chosen by ``where``.

    ``chain`` gives states their rank and label: the one the snapshot was made with. Raises UsageError for an
    unknown variable, or a state the chain does not have.
    """
    source = opened(snapshot)
    conditions = dict(where or {})
    if unknown := [name for name in conditions if name not in GROUPS]:
        raise UsageError(f"unknown where {', '.join(unknown)}; choose among {', '.join(GROUPS)}")
    with session(source) as connection:
        _choose(connection, conditions)
        graph, edges, paths = _counted(connection, chain or default_chain(), top)
    cohort = ", ".join(f"{name}={value}" for name, value in conditions.items()) or "all spells"
    return Pathways(graph, edges, paths, stamp_of(source.manifest, DEFINITION, cohort=cohort))


def cohort_pathways(cohort: StudyCohort, *, chain: Chain | None = None, top: int = 25) -> Pathways:
    """The same of the stays of a cohort, together; covariates must not have broken them.

    Raises UsageError for a state the chain does not have.
    """
    with duckdb.connect() as connection:
        at = quoted(cohort.path)
        connection.execute(f"CREATE VIEW chosen AS SELECT * FROM read_parquet('{at}')")
        graph, edges, paths = _counted(connection, chain or default_chain(), top)
    return Pathways(graph, edges, paths, stamp_of(cohort.manifest, DEFINITION, cohort=cohort.spec.version))


def _counted(
    connection: duckdb.DuckDBPyConnection, chain: Chain, top: int
) -> tuple[nx.DiGraph[str], pd.DataFrame, pd.DataFrame]:
    """Graph, moves and most frequent paths of the stays ``chosen``."""
    edges: pd.DataFrame = rows(connection, sql("pathway_edges").template).to_pandas()
    stays: pd.DataFrame = rows(
        connection, "SELECT state, count(*) AS count FROM chosen GROUP BY state ORDER BY state"
    ).to_pandas()
    paths: pd.DataFrame = rows(connection, sql("pathway_paths").substitute(top=int(top))).to_pandas()
    edges["share_of_source"] = edges["count"] / edges.groupby("source")["count"].transform("sum")
    graph = _graph(edges, dict(zip(stays["state"], stays["count"], strict=True)), chain)
    return graph, edges, paths


def _choose(connection: duckdb.DuckDBPyConnection, conditions: Mapping[str, str]) -> None:
    test = " AND ".join(f"{name} = ?" for name in conditions) or "TRUE"
    query = f"CREATE TEMP TABLE chosen AS SELECT * FROM spells WHERE {test}"
    connection.execute(query, list(conditions.values()))


def _graph(edges: pd.DataFrame, stays: Mapping[str, int], chain: Chain) -> nx.DiGraph[str]:
    """Nodes by rank and name, edges by name: the same graph for the same table."""
    found = sorted({*edges["source"], *edges["target"]}, key=lambda name: (_rank(name, chain), name))
    arrived, left = edges.groupby("target")["count"].sum(), edges.groupby("source")["count"].sum()
    graph: nx.DiGraph[str] = nx.DiGraph()
    for name in found:
        count = left.get(name, 0) if name == ENTRY else stays.get(name, arrived.get(name, 0))
        label = _LABELS.get(name) or chain.by_name[name].label_sv or name
        absorbing = name in _ENDS
        graph.add_node(name, rank=_rank(name, chain), count=int(count), label=label, absorbing=absorbing)
    for edge in edges.itertuples(index=False):
        graph.add_edge(str(edge.source), str(edge.target), **_said(edge))
    return graph


def _said(edge: Any) -> dict[str, int | float]:
    said: dict[str, int | float] = {"count": int(edge.count), "children": int(edge.children)}
    return said if pd.isna(edge.median_days) else said | {"median_days": float(edge.median_days)}


def _rank(name: str, chain: Chain) -> int:
    if name == ENTRY:
        return -1
    if name in _ENDS:
        return max(chain.by_rank) + 1 + _ENDS.index(name)
    ranks = {state: rank for rank, state in chain.by_rank.items()}
    if name not in ranks:
        raise UsageError(
            f"the chain {chain.name} has no state {name}; give the chain the snapshot was made with"
        )
    return ranks[name]


def graphml(graph: nx.DiGraph[str], stamp: Mapping[str, str]) -> str:
    """The graph as GraphML, attributes typed, the stamp as graph attributes; equal graphs give equal text."""
    stamped: nx.DiGraph[str] = nx.DiGraph()
    stamped.graph.update(stamp)
    stamped.add_nodes_from(sorted(graph.nodes(data=True)))
    stamped.add_edges_from(sorted(graph.edges(data=True), key=lambda edge: edge[:2]))
    return "\n".join(nx.generate_graphml(stamped, named_key_ids=True)) + "\n"

"""Pathways as files: the picture, the graph for other programs, and the tables behind them."""

from __future__ import annotations

from pathlib import Path

from tracker.projections.pathways import Pathways, graphml
from tracker.publish.files import output_name, write_text
from tracker.publish.pathway_picture import pathway_svg
from tracker.publish.tables import TableFormat, write_table

TITLE = "Barnens vägar genom kedjan"
SUBTITLE = "Antal övergångar och mediantid i dagar bland dem som gick vidare"


def write_pathways(found: Pathways, folder: Path) -> list[Path]:
    """Write picture (svg), graph (GraphML) and the tables of moves and of frequent paths (xlsx)."""
    folder.mkdir(parents=True, exist_ok=True)
    position = int(found.stamp["position"])
    picture = write_text(
        folder / output_name("pathways", position, "svg"),
        pathway_svg(found.graph, TITLE, SUBTITLE, found.stamp),
    )
    graph = write_text(
        folder / output_name("pathways", position, "graphml"), graphml(found.graph, found.stamp)
    )
    tables = {"moves": found.edges, "paths": found.paths}
    written = [
        write_table(
            table, found.stamp, folder / output_name("pathways", position, "xlsx", name), TableFormat.XLSX
        )
        for name, table in tables.items()
    ]
    return [picture, graph, *written]

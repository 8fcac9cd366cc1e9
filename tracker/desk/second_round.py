"""The second round for robust variance, as files: out from who merged, to each municipality, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.domain.errors import UsageError
from tracker.estimate.from_stays import columns_as_stays
from tracker.estimate.results import Summary
from tracker.estimate.robust import robust_expected_time, robust_occupation
from tracker.estimate.second_round import (
    Hazards,
    MunicipalInfluence,
    added,
    estimated,
    municipal_influence,
    require_same,
)
from tracker.estimate.second_round import hazards as hazards_of
from tracker.estimate.squared_influence import SquaredInfluence
from tracker.projections.engines import collected
from tracker.projections.flow_counting import spells_on_clock
from tracker.projections.flow_files import read_flow_table
from tracker.projections.flow_stays import stays_on_clock
from tracker.projections.flow_table import FlowTable
from tracker.projections.placing import placed_whole
from tracker.publish.files import write_text
from tracker.publish.stamp import Stamp
from tracker.publish.tables import TableFormat, write_table

MARK = "second-round.json"
WITHIN = "child within municipality"


def write_hazards(
    merged: Path, times: Sequence[float], horizons: Sequence[float], since: float | None, out: Path
) -> Hazards:
    """The hazards of a merged flow table, to one file."""
    made = hazards_of(read_flow_table(merged), times, horizons, since)
    write_text(out, made.to_json())
    return made


def write_influence(snapshot: Path, hazards: Path, municipality: str, out: Path) -> SquaredInfluence:
    """The sums of squared influence of one municipality of a snapshot, to one file."""
    asked = Hazards.from_json(_read(hazards), str(hazards))
    of = asked.of
    with spells_on_clock(snapshot, of.clock, of.strata, of.unit, municipality) as (spells, origin):
        require_same(asked, origin, municipality)
        rows = collected(
            stays_on_clock(spells, of.clock, of.strata, censored_by=of.censored_by, horizon=of.horizon)
        )
    stays = columns_as_stays(rows, of.strata, states=asked.tables.states, about=asked.about)
    made = municipal_influence(stays, asked, origin, municipality)
    write_text(out, made.to_json())
    return made.sums


def write_robust(merged: Path, hazards: Path, files: Sequence[Path], out: Path) -> list[Path]:
    """Occupation, and expected times where asked for, with robust errors, as tables in the folder ``out``.

    An earlier result there is replaced. Raises what ``second_round.added`` and the estimators raise.
    """
    table, asked = read_flow_table(merged), Hazards.from_json(_read(hazards), str(hazards))
    parts = [MunicipalInfluence.from_json(_read(file), str(file)) for file in files]
    total = added(table, asked, parts)
    fit = estimated(table, asked.since)
    found = [robust_occupation(fit, total)] if total.times else []
    found += [robust_expected_time(fit, total)] if total.horizons else []
    with placed_whole(out, MARK, "a result of the second round") as (made, _):
        names = [path.name for summary in found for path in _tables(summary, _stamp(table, asked), made)]
        write_text(made / MARK, _told(table, asked, parts, total))
    return [out / name for name in names]


def _tables(summary: Summary, stamp: Stamp, folder: Path) -> list[Path]:
    name = summary.quantity.replace(" ", "-")
    said = {"definition": summary.quantity, "variance": f"infinitesimal jackknife, clustered on {WITHIN}"}
    formats = (TableFormat.PARQUET, TableFormat.CSV)
    return [write_table(summary.frame, {**stamp, **said}, folder / f"{name}.{fmt}", fmt) for fmt in formats]


def _stamp(table: FlowTable, asked: Hazards) -> Stamp:
    return {
        "position": "of several logs" if table.position is None else str(table.position),
        "codebook": table.codebook,
        "software": table.software,
        "synthetic": "yes" if table.synthetic else "no",
        "clock": table.clock.value,
        "hazards": asked.seal[:12],
    }


def _told(
    table: FlowTable, asked: Hazards, parts: Sequence[MunicipalInfluence], total: SquaredInfluence
) -> str:
    content: dict[str, Any] = {
        "hazards": asked.seal,
        "counts": asked.counts,
        "since": asked.since,
        "clusters": WITHIN,
        "children": int(total.children.sum()),
        "municipalities": {part.municipality: dict(part.asked) for part in parts},
        "clock": table.clock,
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as missing:
        raise UsageError(f"There is no file {path}.") from missing
    except UnicodeDecodeError as damaged:
        raise UsageError(f"{path} is not text.") from damaged

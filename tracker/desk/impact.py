"""Impact: which flow figures a proposed mapping would move, and by how much, before anybody accepts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from tracker.desk.snapshots import take_snapshot
from tracker.domain.codes import MappingDecision
from tracker.harmonise.codebook import Codebooks
from tracker.projections.flow_summary import flow_summary

BREAKDOWN = {
    "sex": "sex",
    "referral_type": "referral_type",
    "referral_reason": "reason",
    "referrer": "referrer",
    "size_class": "size_class",
}
"""The breakdown in which a codebook's codes can be seen; other codebooks move the total flow alone."""

VALUES = ("count", "share_step", "share_start")


def impact(
    url: str,
    standing: Sequence[MappingDecision],
    proposed: MappingDecision,
    *,
    position: int,
    work: Path,
    progress: Callable[[str], None],
) -> pd.DataFrame:
    """Flow figures that differ with the proposed decision, before and after, in the log as it stands.

    Both figures come from whole projections of the same events, so what follows from a reading (links,
    spells) moves too. Temporary snapshots lie under ``work`` and are removed.
    """
    by = [b for b in [BREAKDOWN.get(proposed.codebook)] if b]
    with TemporaryDirectory(prefix="impact-", dir=work) as temporary:
        tables = []
        for name, decisions in (("before", standing), ("after", [*standing, proposed])):
            progress(name)
            folder = Path(temporary, name)
            take_snapshot(url, folder, Codebooks.load(decisions), position, progress)
            tables.append(flow_summary(folder, by=by).table)
    return moved(tables[0], tables[1], by)


def moved(before: pd.DataFrame, after: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Rows of two flow tables whose count differs: keys, then each value before and after."""
    keys = [*by, "block", "step", "class", "unit"]
    both = before[[*keys, *VALUES]].merge(
        after[[*keys, *VALUES]], on=keys, how="outer", suffixes=("_before", "_after")
    )
    counts = both[["count_before", "count_after"]].fillna(0).astype("int64")
    both[["count_before", "count_after"]] = counts
    both["difference"] = counts["count_after"] - counts["count_before"]
    changed = both[both["difference"] != 0]
    order = [*keys, "count_before", "count_after", "difference"]
    order += [f"{value}_{when}" for value in VALUES[1:] for when in ("before", "after")]
    return (
        changed[order].sort_values("difference", key=lambda d: -d.abs(), kind="stable").reset_index(drop=True)
    )

"""Flow figures for a sender's feedback: a municipality's own, and the group's where it may be shown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tracker.projections.flow_summary import FlowSummary, flow_summary
from tracker.projections.snapshot import Snapshot

TOO_FEW_CHILDREN = 10
TOO_FEW_MUNICIPALITIES = 5


class Flows:
    """Flow figures of one snapshot, each counted once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        seen = snapshot.pandas("referrals")[["municipality", "subject_id"]]
        self.municipalities = seen["municipality"].nunique()
        self.children = seen["subject_id"].nunique()
        self._own: dict[str, FlowSummary] = {}
        self._group: pd.DataFrame | None = None

    def own(self, municipality: str) -> FlowSummary:
        """The flow of one municipality."""
        if municipality not in self._own:
            self._own[municipality] = flow_summary(self.snapshot, where={"municipality": municipality})
        return self._own[municipality]

    def group(self) -> pd.DataFrame | None:
        """The flow of all; None when it rests on too few children or municipalities to be shown."""
        if self.children < TOO_FEW_CHILDREN or self.municipalities < TOO_FEW_MUNICIPALITIES:
            return None
        if self._group is None:
            table = flow_summary(self.snapshot).table
            self._group = table.assign(children=self.children, municipalities=self.municipalities)
        return self._group


def newest_flows(folder: Path) -> Flows:
    """The flow figures of the snapshot in ``folder``."""
    return Flows(Snapshot.open(folder))

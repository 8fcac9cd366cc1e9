"""A snapshot opened to be studied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import tracker
from tracker.domain.errors import NotFound
from tracker.domain.periods import Period
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import read_cohort
from tracker.projections.cohort_spec import CohortSpec
from tracker.projections.flow_summary import RETURN_DAYS, Links, flow_summary
from tracker.projections.key_figures import key_figures
from tracker.projections.snapshot import Manifest, Snapshot
from tracker.projections.stamping import stamp_of
from tracker.publish.stamp import stamp_line
from tracker.study.cohorts import Cohort
from tracker.study.summaries import FlowSummaryResult, KeyFiguresResult

ANALYSES = Path(tracker.__file__).parents[1] / "analyses"
"""Where the cohorts of the analyses are declared."""


def open(snapshot: str | Path | Snapshot) -> Study:
    """Open a snapshot folder. Raises SnapshotError when it is missing, damaged or of another format."""
    return Study(snapshot if isinstance(snapshot, Snapshot) else Snapshot.open(Path(snapshot)))


@dataclass(frozen=True, repr=False)
class Study:
    """A snapshot and what can be asked of it."""

    snapshot: Snapshot

    @property
    def manifest(self) -> Manifest:
        """What the snapshot was made of, and its position."""
        return self.snapshot.manifest

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the snapshot."""
        return tuple(self.manifest.tables)

    def table(self, name: str) -> pd.DataFrame:
        """A table in memory. Raises SnapshotError when there is none of that name."""
        return self.snapshot.pandas(name)

    @property
    def cohorts(self) -> tuple[str, ...]:
        """The analyses whose cohorts can be asked for by name."""
        return tuple(sorted(path.parent.name for path in ANALYSES.glob("*/cohort.yaml")))

    def cohort(self, declared: str | Path | CohortSpec) -> Cohort:
        """Draw a cohort: as an analysis declares it (its name), a YAML file, or a CohortSpec.

        An empty cohort is a result like any other. Raises UsageError for a declaration not understood,
        NotFound for a name that is neither a file nor an analysis.
        """
        spec = declared if isinstance(declared, CohortSpec) else self._declared(declared)
        return Cohort(self.snapshot, draw(self.snapshot, spec))

    def _declared(self, named: str | Path) -> CohortSpec:
        if Path(named).suffix in (".yaml", ".yml"):
            return read_cohort(Path(named))
        if str(named) not in self.cohorts:
            there = ", ".join(self.cohorts) or "none"
            raise NotFound(f"«{named}» is no YAML file and no analysis with a cohort; there are {there}.")
        return read_cohort(ANALYSES / str(named) / "cohort.yaml")

    def flow_summary(
        self,
        by: str | Sequence[str] = (),
        *,
        where: str | Mapping[str, str] | None = None,
        entry: Period | None = None,
        links: Links = "all",
        horizon_days: int = RETURN_DAYS,
    ) -> FlowSummaryResult:
        """What became of the referrals received in ``entry`` (None: all), step by step, with shares.

        ``by``: sex, age_group, municipality, size_class, referral_type, reason, referrer, year, act.
        ``where`` narrows: ``{"municipality": "0180"}``.
        """
        summary = flow_summary(
            self.snapshot, by=by, where=where, entry=entry, links=links, horizon_days=horizon_days
        )
        return FlowSummaryResult(summary)

    def key_figures(self) -> KeyFiguresResult:
        """Children not returned within a year, and the time investigations take, by municipality and year."""
        return KeyFiguresResult(key_figures(self.snapshot))

    def __repr__(self) -> str:
        return f"Study of {self.snapshot.folder}: {stamp_line(stamp_of(self.manifest, 'study/1'))}"

"""Analyses: one folder per question beside the package, each run on a cohort and published whole.

A folder ``analyses/<name>/`` holds ``README.md`` (with the sections of ``prose.REQUIRED``), ``cohort.yaml``
and ``run.py`` with ``def run(study: Study) -> Findings``. Everything else is done here.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import tracker
from tracker.domain.errors import NotFound
from tracker.estimate.origin import about_cohort
from tracker.estimate.results import About
from tracker.projections.cohort import StudyCohort, draw
from tracker.projections.cohort_reading import broken_down_by, read_cohort
from tracker.projections.cohort_spec import CohortSpec
from tracker.projections.placing import placed_whole
from tracker.projections.snapshot import Snapshot
from tracker.projections.stamping import stamp_of
from tracker.publish.analysis_files import MARK, write_findings
from tracker.publish.analysis_report import Told
from tracker.publish.findings import Findings
from tracker.publish.prose import read_prose
from tracker.publish.stamp import Stamp

FOLDER = Path(tracker.__file__).parents[1] / "analyses"
"""Beside the package, where it is checked out as where it is installed."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """What an analysis works on: the snapshot, the cohort drawn from it, and what to break down by.

    ``work`` is a folder for what need not be kept; ``progress`` is told each step as it begins.
    """

    name: str
    snapshot: Snapshot
    cohort: StudyCohort
    work: Path
    progress: Progress

    @property
    def by(self) -> tuple[str, ...]:
        """The covariates asked for as breakdown; none: all together."""
        return self.cohort.spec.by

    def about(self, clock: str = "") -> About:
        """The origin of estimates made here."""
        return about_cohort(self.cohort, clock)

    @property
    def stamp(self) -> Stamp:
        """The stamp of everything published."""
        return stamp_of(self.snapshot.manifest, f"{self.name}/1", cohort=self.cohort.spec.version)


@dataclass(frozen=True)
class Analysis:
    """An analysis that can be run; ``told`` is its README."""

    name: str
    folder: Path
    told: Told


@dataclass(frozen=True)
class Published:
    """What a run left behind; ``files`` begins with the report."""

    folder: Path
    files: tuple[Path, ...]
    children: int
    entries: int
    cohort: str


def available(folder: Path = FOLDER) -> list[Analysis]:
    """All analyses, by name."""
    found = sorted(path.parent for path in folder.glob("*/run.py"))
    return [Analysis(one.name, one, _told(one)) for one in found]


def analysis(name: str, folder: Path = FOLDER) -> Analysis:
    """The analysis of that name. Raises NotFound with those there are, UsageError for a bad README."""
    names = [one.name for one in sorted(folder.glob("*")) if (one / "run.py").exists()]
    if name not in names:
        raise NotFound(f"There is no analysis {name}; there are {', '.join(names) or 'none'}.")
    return Analysis(name, folder / name, _told(folder / name))


def _told(folder: Path) -> Told:
    title, prose = read_prose((folder / "README.md").read_text(encoding="utf-8"), folder.name)
    return Told(folder.name, title, prose)


def analyse(
    chosen: Analysis,
    snapshot: Snapshot,
    out: Path,
    *,
    by: Sequence[str] = (),
    cohort_file: Path | None = None,
    progress: Progress = lambda step: None,
) -> Published:
    """Run an analysis and publish it to ``out/<name>``, whole or not at all; an earlier run is replaced.

    ``by`` breaks it down by other covariates than its cohort declares, ``cohort_file`` takes another cohort.
    Raises UsageError for a cohort or breakdown not understood, SnapshotError when ``out/<name>`` is
    something else, EstimateError where an estimate cannot honestly be given.
    """
    spec = cohort_of(chosen, by, cohort_file)
    folder = out / chosen.name
    with placed_whole(folder, MARK, "an analysis") as (made, work):
        progress("cohort")
        cohort = draw(snapshot, spec, work / "cohort")
        study = Study(chosen.name, snapshot, cohort, work, progress)
        findings = _run_of(chosen)(study)
        progress("report")
        files = write_findings(chosen.told, findings, cohort, study.stamp, made)
        names = [path.relative_to(made) for path in files]
    paths = tuple(folder / name for name in names)
    return Published(folder, paths, cohort.children, cohort.entries, spec.version)


def cohort_of(chosen: Analysis, by: Sequence[str] = (), cohort_file: Path | None = None) -> CohortSpec:
    """The cohort an analysis is run on: its own or another, broken down as asked."""
    spec = read_cohort(cohort_file or chosen.folder / "cohort.yaml")
    return broken_down_by(spec, by) if by else spec


def _run_of(chosen: Analysis) -> Callable[[Study], Findings]:
    run: Callable[[Study], Findings] = _module(chosen).run
    return run


def _module(chosen: Analysis) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"analyses.{chosen.name}.run", chosen.folder / "run.py")
    if spec is None or spec.loader is None:
        raise NotFound(f"The analysis {chosen.name} has no run.py that can be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module

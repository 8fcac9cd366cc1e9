"""Every analysis on the newest snapshot, into a folder of its own day and position that is never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from tracker.desk.analyses import analyse, analysis, available
from tracker.domain.errors import NotFound
from tracker.projections.snapshot import MANIFEST, Snapshot
from tracker.settings import Settings

CONTENTS = "contents.json"


@dataclass(frozen=True)
class AnalysisRun:
    """What one analysis left: its folder under that of the run, and how many it was about."""

    name: str
    folder: str
    children: int
    cohort: str


def has_snapshot(settings: Settings) -> bool:
    """Whether there is one to run on."""
    return bool(_snapshots(settings))


def newest_snapshot(settings: Settings) -> Path:
    """The snapshot of the highest position; raises ``NotFound`` when there is none."""
    found = _snapshots(settings)
    if not found:
        raise NotFound(f"there is no snapshot in {settings.snapshots}; run refresh_snapshot first")
    return found[-1]


def _snapshots(settings: Settings) -> list[Path]:
    return sorted(path.parent for path in settings.snapshots.glob("*/manifest.json"))


def names() -> list[str]:
    """The analyses there are."""
    return [one.name for one in available()]


def run_folder(settings: Settings, snapshot: Path, today: date) -> Path:
    """Where the analyses of a snapshot are put on a day: named by the day, its position and its content."""
    position = Snapshot.open(snapshot).manifest.position
    content = hashlib.sha256((snapshot / MANIFEST).read_bytes()).hexdigest()[:8]
    return settings.releases / f"{today.isoformat()}-position-{position:012d}-{content}"


def analyse_into(name: str, snapshot: Path, folder: Path) -> AnalysisRun:
    """Run one analysis unless it was run there before: what lies there is never written again."""
    done = folder / name / "run.json"
    if not done.exists():
        found = analyse(analysis(name), Snapshot.open(snapshot), folder)
        made = AnalysisRun(name, name, found.children, found.cohort)
        done.write_text(json.dumps(asdict(made)) + "\n", encoding="utf-8")
    return AnalysisRun(**json.loads(done.read_text("utf-8")))


def close(folder: Path, wanted: Sequence[str]) -> list[str]:
    """List what the run holds and take away the right to write; returns the analyses that failed."""
    failed = [name for name in wanted if not (folder / name / "run.json").exists()]
    contents = folder / CONTENTS
    if not contents.exists() and not failed:
        done = [json.loads((folder / name / "run.json").read_text("utf-8")) for name in wanted]
        contents.write_text(json.dumps({"internal": True, "analyses": done}, indent=2) + "\n", "utf-8")
        for path in [*folder.rglob("*"), folder]:
            path.chmod(path.stat().st_mode & ~0o222)
    return failed

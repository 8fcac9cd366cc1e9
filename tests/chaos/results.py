"""Progress and figures, in ``chaos-results/``: one JSON line an injury, failed rounds apart."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.chaos.injuries import Injury
from tests.chaos.verdict import Verdict
from tracker.postgres.schema import ROOT

FOLDER = ROOT / "chaos-results"


@dataclass(frozen=True)
class Results:
    """What was done with one seed; every writing is on disk when it returns."""

    seed: int
    folder: Path = FOLDER

    def lines(self, failed: bool = False) -> list[dict[str, Any]]:
        """Injuries of rounds that held; or of those that did not."""
        path = self._path(failed)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def done(self) -> Counter[str]:
        """Injuries that count, by kind: those that hit in rounds that held, and those skipped."""
        return Counter(line["kind"] for line in self.lines() if line["hit"] or line["skipped"])

    def next_number(self) -> int:
        """Number of the next round."""
        return 1 + max((line["round"] for line in (*self.lines(), *self.lines(failed=True))), default=0)

    def add(
        self,
        number: int,
        names: Sequence[str],
        judged: tuple[list[Injury], Verdict],
        seconds: float,
        rows: int,
        files: int,
    ) -> None:
        """Write down a round."""
        injuries, verdict = judged
        about = {
            "round": number,
            "planned": list(names),
            "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
            "commit": _commit(),
            "round_seconds": round(seconds, 1),
            "files": files,
            "rows": rows,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "round_problems": verdict.problems,
        }
        failed = not holds(judged)
        self.folder.mkdir(exist_ok=True)
        with self._path(failed).open("a") as file:
            file.writelines(json.dumps({**asdict(one), **about}) + "\n" for one in injuries)

    def _path(self, failed: bool) -> Path:
        return self.folder / f"{'failed-' if failed else ''}{self.seed}.jsonl"


def holds(judged: tuple[list[Injury], Verdict]) -> bool:
    """Whether a round came out as the undisturbed run, and nothing was wrong on the way."""
    injuries, verdict = judged
    return verdict.holds and not any(injury.problems for injury in injuries)


def figures(results: Results) -> str:
    """What was injured, and what came of it, as Markdown."""
    lines, failed = results.lines(), results.lines(failed=True)
    rounds = {line["round"]: line for line in (*lines, *failed)}
    hits = Counter(line["kind"] for line in lines if line["hit"])
    skipped = {line["kind"]: line["skipped"] for line in lines if line["skipped"]}
    whole = [
        ("rounds, each on a database of its own", len(rounds)),
        ("files loaded", sum(line["files"] for line in rounds.values())),
        ("rows read", sum(line["rows"] for line in rounds.values())),
        ("minutes", round(sum(line["round_seconds"] for line in rounds.values()) / 60, 1)),
        ("lost", sum(line["lost"] for line in rounds.values())),
        ("doubled", sum(line["doubled"] for line in rounds.values())),
        ("rounds that did not hold", len({line["round"] for line in failed})),
    ]
    table = [f"| {name} | {count} |" for name, count in (*sorted(hits.items()), *whole)]
    reasons = [f"- skipped: {kind}: {reason}" for kind, reason in sorted(skipped.items())]
    commits = ", ".join(sorted({line["commit"] for line in (*lines, *failed)}))
    head = [f"# Injuries, seed {results.seed}, at {commits}", "", "| what | how many |", "|---|---|"]
    return "\n".join([*head, *table, "", COUNTED, "", *reasons]) + "\n"


COUNTED = (
    "An injury counts when the process it was meant for was alive to be hit, in a round whose log, store and "
    "outbox afterwards were those of an undisturbed run. Lost and doubled are groups of events (all of one "
    "child's, or one that has no child) that the undisturbed log has and this one has not, and the other way."
)


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"

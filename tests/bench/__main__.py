"""``python -m tests.bench``: measure, print the table, write it to ``bench-results/``."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tests.bench import watched
from tests.bench.estimators import estimators
from tests.bench.flow_table import flow_tables
from tests.bench.place import RESULTS, WORK, installation, made_once, rows_of
from tests.bench.report import Line, machine, table, write
from tests.national_log import write_national_log
from tracker.domain.periods import Period
from tracker.synth.generate import generate
from tracker.synth.plan import Plan
from tracker.synth.reexport import reexport

SEED = 1
CHILDREN = 2_000
ROUNDS = 3
EVENTS = {"quick": 1_000_000, "full": 10_000_000}
PARTS = ("loading", "projecting", "flow-table", "estimators")
YEARS = range(2014, 2024)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the snapshot of 10 million events")
    parser.add_argument("--ten-years", action="store_true", help="ten national years, one after the other")
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    chosen = parser.parse_args()
    about = machine()
    say(about)
    lines: list[Line] = []
    for line in _measure(chosen):
        lines.append(line)
        bound = "" if line.bound is None else f" (bound {line.bound:g}): {line.verdict}"
        say(f"{line.what}: {line.measured:.3g} {line.unit}{bound}")
    parts = ("full" if chosen.full else "quick", chosen.only, "ten-years" if chosen.ten_years else None)
    name = "-".join(filter(None, parts))
    write(RESULTS, name, lines, about)
    print(f"\n{table(lines)}\n\nwritten to {RESULTS / name}.md and .json")


def say(what: str) -> None:
    """Progress, with the time of day."""
    print(time.strftime("%H:%M:%S"), what, flush=True)


def _measure(chosen: argparse.Namespace) -> Iterator[Line]:
    if chosen.only in (None, "loading"):
        year = national_year(2023)
        again = made_once("national-year-again", lambda out: reexport(year, out, SEED))
        yield from loading(year, again)
    if chosen.only in (None, "projecting"):
        with installation() as (url, server):
            yield from projecting(EVENTS["full" if chosen.full else "quick"], url, server)
    if chosen.only in (None, "flow-table"):
        yield from flow_tables("full" if chosen.full else "quick")
    if chosen.only in (None, "estimators"):
        yield from estimators("full" if chosen.full else "quick")
    if chosen.ten_years:
        with installation() as (url, server):
            yield ten_years(url, server)


def national_year(year: int) -> Path:
    """A synthetic national year, generated once."""
    return made_once(f"national-year-{year}", lambda out: _generate(out, year))


def _generate(out: Path, year: int) -> None:
    say(f"generating the synthetic national year {year} (once)")
    plan = Plan.national_year()
    moved = replace(
        plan,
        window=Period(date(year, 1, 1), date(year, 12, 31)),
        follow_to=date(year + 1, 12, 31),
        last_extract=plan.last_extract.replace(year=year + 2),
    )
    generate(out, moved, SEED + plan.window.first.year - year)


def loading(year: Path, again: Path) -> Iterator[Line]:
    """The national year, its re-export, and timelines from what was loaded.

    Two loads of some twenty seconds, one after the other, differ by several per cent on a shared machine:
    their ratio is the median of rounds, each on a fresh server, and the note tells all of them.
    """
    rounds: list[Round] = []
    for number in range(1, ROUNDS + 1):
        with installation() as (url, server):
            say(f"round {number} of {ROUNDS}: loading the national year, {rows_of(year):,} rows")
            first = watched.run("load", server, inbox=str(year / "inbox"), url=url)
            say("loading it again as re-exported")
            second = watched.run("load", server, inbox=str(again / "inbox"), url=url)
            say("reading the same files and copying the finished rows")
            base = watched.run("read_and_copy", server, inbox=str(year / "inbox"), url=url)
            rounds.append(Round(first, second, base))
            if number == ROUNDS:
                yield from _loaded(rounds)
                yield _timelines(url, server)


class Round(NamedTuple):
    """A first load, the load of its re-export, and what both are measured by, on one fresh server."""

    first: watched.Watched
    again: watched.Watched
    base: watched.Watched

    @property
    def to_base(self) -> float:
        """First load to reading and copying."""
        return self.first.seconds / self.base.seconds

    @property
    def to_first(self) -> float:
        """The re-export's load to the first."""
        return self.again.seconds / self.first.seconds


def _loaded(rounds: Sequence[Round]) -> Iterator[Line]:
    to_base, to_first = sorted(one.to_base for one in rounds), sorted(one.to_first for one in rounds)
    last = rounds[-1]  # whose parts are told
    yield Line(
        "national year: files to committed events / reading and copying",
        median(to_base),
        5.0,
        goal=2.0,
        note=_all(to_base),
        details=_spent("load", last.first) | _spent("base", last.base),
    )
    peak = max((one.first for one in rounds), key=lambda one: one.peak)
    yield Line(
        "national year: peak memory of the loader, its workers and readers",
        peak.peak,
        1000.0,
        "MB",
        note=f"PostgreSQL beside it {peak.server_peak:.0f} MB",
    )
    told = last.again.answer
    yield Line(
        "re-export of the year / first load",
        median(to_first),
        0.7,
        note=f"{_all(to_first)}; {told['appended']} rows appended, {told['corrected']} corrected",
        details=_spent("again", last.again),
    )


def _all(ratios: Sequence[float]) -> str:
    return f"median of {', '.join(f'{ratio:.2f}' for ratio in ratios)}"


def _timelines(url: str, server: int) -> Line:
    say("timelines")
    told = watched.run("timelines", server, url=url, children=CHILDREN, seed=SEED).answer
    return Line(
        "one child's timeline p99 / primary-key SELECT p99",
        told["timeline_p99"] / told["select_p99"],
        10.0,
        note=f"{told['timeline_p99'] * 1000:.2f} ms / {told['select_p99'] * 1000:.2f} ms",
        details={key: value * 1000 if "_" in key else value for key, value in told.items()},
    )


def projecting(events: int, url: str, server: int) -> Iterator[Line]:
    """Snapshot, spells and flow summary of a generated log."""
    folder = made_once(f"log-{events}", lambda out: write_national_log(out / "log.parquet", events))
    say(f"copying {events:,} synthetic events to PostgreSQL")
    counted = watched.run("copy_log", server, log=str(folder / "log.parquet"), url=url).answer["events"]
    out = WORK / "snapshot"
    say("reading and sorting them; snapshot and spells of them")
    bases = [watched.run("read_and_sort", server, url=url, table="bench.event") for _ in range(2)]
    base = min(bases, key=lambda one: one.answer["seconds"])
    made = watched.run("snapshot", server, url=url, table="bench.event", out=str(out))
    size = f"{counted / 1e6:.1f} M events"
    yield Line(
        f"snapshot and spells, {size} / reading and sorting",
        made.answer["seconds"] / base.answer["seconds"],
        4.0,
        note="" if events == EVENTS["full"] else "bound stated for 10 M events: --full",
        details=_spent("snapshot", made) | _spent("base", base),
    )
    yield Line(f"snapshot and spells, {size}: peak memory", made.peak, 4000.0, "MB")
    told = watched.run("flow", None, folder=str(out), repeats=5)
    yield Line(
        f"flow summary, {size} / one GROUP BY",
        told.answer["flow"] / told.answer["group_by"],
        8.0,
        details=told.answer,
    )
    yield Line(f"flow summary, {size}: peak memory", told.peak, 4000.0, "MB")
    shutil.rmtree(out)


def ten_years(url: str, server: int) -> Line:
    """Ten national years into one log, against the first of them."""
    folders = [national_year(year) for year in YEARS]
    seconds = []
    for folder in folders:
        seconds.append(watched.run("load", server, inbox=str(folder / "inbox"), url=url).answer["seconds"])
        say(f"{folder.name}: {seconds[-1]:.1f} s")
    return Line(
        "ten national years / one",
        sum(seconds) / seconds[0],
        12.0,
        details={folder.name: taken for folder, taken in zip(folders, seconds, strict=True)},
    )


def _spent(name: str, one: watched.Watched) -> dict[str, Any]:
    figures = {f"{name} {key}": value for key, value in one.answer.items()}
    return {
        **figures,
        f"{name} processor seconds": one.processor,
        f"{name} processor seconds of PostgreSQL": one.server_processor,
    }


if __name__ == "__main__":
    main()

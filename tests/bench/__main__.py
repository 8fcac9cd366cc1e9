"""``python -m tests.bench``: measure, print the table, write it to ``bench-results/``."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

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
        with installation() as (url, server):
            yield from loading(year, again, url, server)
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


def loading(year: Path, again: Path, url: str, server: int) -> Iterator[Line]:
    """The national year, its re-export, and timelines from what was loaded."""
    inbox = str(year / "inbox")
    say(f"loading the national year: {rows_of(year):,} rows")
    first = watched.run("load", server, inbox=inbox, url=url)
    say("reading the same files and copying the finished rows")
    bases = [watched.run("read_and_copy", server, inbox=inbox, url=url) for _ in range(2)]
    base = min(bases, key=lambda one: one.answer["seconds"])
    yield Line(
        "national year: files to committed events / reading and copying",
        first.answer["seconds"] / base.answer["seconds"],
        5.0,
        goal=2.0,
        details=_spent("load", first) | _spent("base", base),
    )
    yield Line(
        "national year: peak memory of the loader, its workers and readers",
        first.peak,
        1000.0,
        "MB",
        note=f"PostgreSQL beside it {first.server_peak:.0f} MB",
    )
    say("loading it again as re-exported")
    second = watched.run("load", server, inbox=str(again / "inbox"), url=url)
    yield Line(
        "re-export of the year / first load",
        second.answer["seconds"] / first.answer["seconds"],
        0.7,
        note=f"{second.answer['appended']} rows appended, {second.answer['corrected']} corrected",
        details=_spent("again", second),
    )
    say("timelines")
    told = watched.run("timelines", server, url=url, children=CHILDREN, seed=SEED).answer
    yield Line(
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

"""The flow table, and the two GROUP BYs it is measured against."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from string import Template
from typing import TYPE_CHECKING, Any

import duckdb

from tests.bench import watched
from tests.bench.place import made_once
from tests.bench.report import Line

if TYPE_CHECKING:
    from tracker.projections.flow_table import FlowTable

SIZES = {"quick": (100_000, 1_000_000, 10_000_000), "full": (100_000, 1_000_000, 10_000_000, 100_000_000)}
BOUNDS = {100_000: 5.0, 1_000_000: 3.0}
"""Of the small sizes: building the expression and planning it take as long for ten spells."""

STRATA = ("sex", "age_group", "size_class")


def flow_tables(scale: str) -> Iterator[Line]:
    """Flow tables of 10⁵ to 10⁷ (in full 10⁸) spells in 5 states by 3 covariates."""
    for spells in SIZES[scale]:
        folder = synthetic_spells(spells)
        told = watched.run("flow_table", None, folder=str(folder), repeats=5 if spells < 10**8 else 1)
        size = f"flow table of {spells:,} spells".replace(",", " ")
        yield Line(
            f"{size} / two bare GROUP BYs, processor seconds",
            told.answer["flow_processor"] / told.answer["group_by_processor"],
            BOUNDS.get(spells, 2.0),
            note=f"{told.answer['flow']:.2f} s / {told.answer['group_by']:.2f} s by the clock",
            details=told.answer,
        )
        alone = watched.run("flow_table_alone", None, folder=str(folder))
        yield Line(f"{size}: peak memory", alone.peak, 3000.0, "MB")


def synthetic_spells(number: int) -> Path:
    """A folder with that many synthetic spells and their keys, made once; some stays are of no length."""
    return made_once(f"paths-{number}", lambda out: write_spells(out, number, 0))


def write_spells(out: Path, number: int, shortest: int) -> None:
    """Write ``spells.parquet`` and ``keys.parquet``; stays last ``shortest`` days or more."""
    text = Template(Path(__file__).with_name("flow_spells.sql").read_text(encoding="utf-8"))
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '4GB'; SET enable_progress_bar = false")
        connection.execute(text.substitute(spells=number, out=out, shortest=shortest))


def flow_table(folder: str, repeats: int) -> dict[str, Any]:
    """Both in turn, after a warm-up: median seconds, and processor seconds, of each."""
    spent: dict[str, list[tuple[float, float]]] = {"flow": [], "group_by": []}
    with opened(folder) as connection:
        cells = {"flow": counted(connection, STRATA).table.num_rows, "group_by": group_by(connection, STRATA)}
        for _ in range(repeats):
            spent["flow"].append(timed(lambda: counted(connection, STRATA)))
            spent["group_by"].append(timed(lambda: group_by(connection, STRATA)))
    seconds = {name: median(clock for clock, _ in taken) for name, taken in spent.items()}
    processor = {f"{name}_processor": median(used for _, used in taken) for name, taken in spent.items()}
    rows = {f"{name}_cells": number for name, number in cells.items()}
    return {**seconds, **processor, **rows, "repeats": repeats}


def flow_table_alone(folder: str) -> dict[str, Any]:
    """The flow table once, for its memory."""
    with opened(folder) as connection:
        return {"cells": counted(connection, STRATA).table.num_rows}


def opened(folder: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB session with the spells and keys of a folder."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    for name in ("spells", "keys"):
        connection.execute(f"CREATE VIEW {name} AS FROM '{folder}/{name}.parquet'")
    return connection


def counted(connection: duckdb.DuckDBPyConnection, by: Sequence[str]) -> FlowTable:
    """The flow table of the spells."""
    from tracker.projections.engines import duckdb_table
    from tracker.projections.flow_clock import Clock
    from tracker.projections.flow_counting import count_flows

    return count_flows(duckdb_table(connection, "spells"), Clock.ENTRY, by)


def group_by(connection: duckdb.DuckDBPyConnection, by: Sequence[str]) -> int:
    """The two bare GROUP BYs; the number of rows they give."""
    strata = ", ".join(by)
    sides = ("state, entered_day, entered_step", "state, to_state, left_day, left_step")
    queries = (f"SELECT {strata}, {side}, count(*) FROM keys GROUP BY ALL" for side in sides)
    return sum(connection.sql(query).to_arrow_table().num_rows for query in queries)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and processor seconds of some work, done once."""
    clock, before = time.perf_counter(), getrusage(RUSAGE_SELF)
    work()
    after = getrusage(RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - clock, used

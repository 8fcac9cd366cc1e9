"""The same expression gives the same counts on DuckDB, on PostgreSQL and on Spark."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.flow_tables import in_duckdb
from tests.generated_spells import generated_spells
from tracker.projections.engines import collected, without_known_warnings
from tracker.projections.flow_clock import Clock
from tracker.projections.flow_pieces import Piece, birthdays, in_pieces
from tracker.projections.flow_table import flow_table

STRATA = ("sex", "act", "age")
SPELLS = generated_spells(seed=7, children=300)


@pytest.fixture(scope="module")
def on_duckdb() -> ir.Table:
    return in_duckdb(SPELLS)


@pytest.fixture(scope="module")
def on_postgres(postgres_server: str) -> Iterator[ir.Table]:
    with psycopg.connect(postgres_server) as connection:
        backend = ibis.postgres.from_connection(connection)
        yield backend.create_table("flow_table_spells", SPELLS, temp=True)


@pytest.fixture(scope="module")
def on_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ir.Table]:
    pyspark = pytest.importorskip("pyspark.sql", reason="the extra [spark] is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17, which is not here")
    folder = tmp_path_factory.mktemp("spark")
    pq.write_table(SPELLS, folder / "spells.parquet")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")  # of its Java process, whatever the host is called
        with without_known_warnings(), _spark(pyspark, folder) as session:
            yield ibis.pyspark.connect(session).read_parquet(str(folder / "spells.parquet"))


@contextmanager
def _spark(pyspark: Any, folder: Path) -> Iterator[Any]:
    """Two threads of this machine, on the loopback, silent, with no page to look at."""
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "work"),
        "spark.driver.memory": "1g",
        "spark.log.level": "OFF",
    }
    builder = pyspark.SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def in_strata(spells: ir.Table) -> ir.Table:
    by_act = in_pieces(spells, "act", "before", [Piece(date(2025, 7, 1), "since")])
    return in_pieces(by_act, "age", "under 7", birthdays(by_act, [7, 13]))


def counts(spells: ir.Table, clock: Clock, horizon: int | None) -> Counter[tuple[Any, ...]]:
    table = collected(flow_table(in_strata(spells), clock, STRATA, horizon=horizon))
    assert [str(kind) for kind in table.schema.types[-3:]] == ["int32", "int16", "int64"]
    return as_counter(table)


def as_counter(table: pa.Table) -> Counter[tuple[Any, ...]]:
    rows = [tuple(row.values()) for row in table.to_pylist()]
    found = Counter({row[:-1]: row[-1] for row in rows})
    assert len(found) == len(rows), "a cell is told twice"
    return found


CASES = pytest.mark.parametrize(
    ("clock", "horizon"),
    [
        (Clock.ENTRY, None),
        (Clock.EPISODE, 90),
        (Clock.STATE, None),
        (Clock.AGE, None),
        (Clock.CALENDAR, None),
    ],
)


@CASES
def test_postgres(on_duckdb: ir.Table, on_postgres: ir.Table, clock: Clock, horizon: int | None) -> None:
    expected = counts(on_duckdb, clock, horizon)
    assert expected.total() > SPELLS.num_rows
    assert counts(on_postgres, clock, horizon) == expected


@CASES
def test_spark(on_duckdb: ir.Table, on_spark: ir.Table, clock: Clock, horizon: int | None) -> None:
    assert counts(on_spark, clock, horizon) == counts(on_duckdb, clock, horizon)

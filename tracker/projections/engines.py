"""Ibis expressions run on the engine that holds their tables."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa


def duckdb_table(connection: duckdb.DuckDBPyConnection, name: str) -> ir.Table:
    """A table or view of a DuckDB session, to build expressions on."""
    with without_known_warnings():
        return ibis.duckdb.from_connection(connection).table(name)


def collected(expression: ir.Table) -> pa.Table:
    """The rows of an expression, from whatever engine it is bound to."""
    engine = ibis.get_backend(expression)
    with without_known_warnings():
        if engine.name != "pyspark":
            return expression.to_pyarrow()
        # Ibis goes through pandas here, which PySpark 4 cannot yet make of pandas 3; Spark has Arrow itself.
        rows = engine.raw_sql(engine.compile(expression)).toArrow()
    return rows.cast(expression.schema().to_pyarrow())


@contextmanager
def without_known_warnings() -> Iterator[None]:
    """Silences what Ibis 12 itself calls that newer releases of its engines deprecate; nothing else."""
    with warnings.catch_warnings():
        # DuckDB 2 renamed to_arrow_table; Ibis asks for the schema of a table by the old name.
        warnings.filterwarnings("ignore", r"fetch_arrow_table\(\) is deprecated", DeprecationWarning)
        # PySpark 4 says of pandas 3 that some of it may not work; the tests show that counting does.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield

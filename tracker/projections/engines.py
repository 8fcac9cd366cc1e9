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
    with without_known_warnings():
        return expression.to_pyarrow()


@contextmanager
def without_known_warnings() -> Iterator[None]:
    """Silences what Ibis 12 itself calls that newer releases of its engines deprecate; nothing else."""
    with warnings.catch_warnings():
        # DuckDB 2 renamed to_arrow_table; Ibis asks for the schema of a table by the old name.
        warnings.filterwarnings("ignore", r"fetch_arrow_table\(\) is deprecated", DeprecationWarning)
        yield

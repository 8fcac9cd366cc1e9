"""The workspace of a projection: how much memory it has, and what it says when that is too little."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tracker.domain.errors import NoRoom
from tracker.projections.workspace import MEMORY, make_room, workspace

TOO_MUCH = "SELECT list(number) FROM (SELECT unnest(range(20_000_000)) AS number)"
"""One list of twenty million numbers: no aggregate can spill part of it."""


def _limit(connection: duckdb.DuckDBPyConnection) -> int:
    limit = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"
    ((size,),) = connection.execute(limit).fetchall()
    return int(size)


def test_few_events_leave_the_memory_as_it_is_and_many_get_more(tmp_path: Path) -> None:
    with workspace(tmp_path) as connection:
        before = _limit(connection)
        assert before == pytest.approx(MEMORY, rel=0.06)  # told in rounded words
        make_room(connection, 10_000_000)
        assert _limit(connection) == before
        make_room(connection, 20_000_000)
        assert before < _limit(connection) <= 3_000_000_000


def test_a_log_never_gets_more_than_there_is(tmp_path: Path) -> None:
    with duckdb.connect() as untouched, workspace(tmp_path) as connection:
        make_room(connection, 10**12)
        assert _limit(connection) == pytest.approx(_limit(untouched), rel=0.06)


def test_what_does_not_fit_is_told_with_what_to_do(tmp_path: Path) -> None:
    said = r"did not fit in \d+ MB of memory .* again where there is more"
    with pytest.raises(NoRoom, match=said), workspace(tmp_path) as connection:
        connection.execute("SET memory_limit = '50MB'")
        connection.execute(TOO_MUCH)


def test_work_is_spilled_and_gone_when_the_session_ends(tmp_path: Path) -> None:
    with workspace(tmp_path) as connection:
        connection.execute("SET memory_limit = '100MB'")
        connection.execute("CREATE TABLE t AS SELECT random() AS a, random() AS b FROM range(20_000_000)")
        assert any(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
        assert connection.execute("SELECT count(*) FROM t WHERE a < 2").fetchall() == [(20_000_000,)]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]

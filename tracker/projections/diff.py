"""What changed between two snapshots, and why: news, corrections, withdrawals, readings, links, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from tracker.projections.facts import ALL_FACTS, ASSESSMENTS, Facts, Part
from tracker.projections.snapshot import Manifest, Snapshot
from tracker.projections.workspace import quoted, sql, workspace

_LINKING = "CASE kind WHEN 'referral_investigation' THEN from_id ELSE to_id END"
_OTHER = "CASE kind WHEN 'referral_investigation' THEN to_id ELSE from_id END"
_FILLED_FROM_CHILD = {"sex"}  # may change with another row of the child, not only with its own wording


@dataclass(frozen=True)
class Diff:
    """The differences from ``before`` to ``after``, each as a table with counts.

    ``events``: municipality, record_type, event_type, change (new, corrected, withdrawn, other_child),
    events. ``wordings``: rows told alike and read differently, by record_type, field, delivered wording,
    municipality, was, now. ``links``: kind, method was and now, how many lead elsewhere, links; only of
    facts there on both sides. ``coverage``: intervals new or ended.
    """

    before: Manifest
    after: Manifest
    events: pa.Table
    wordings: pa.Table
    links: pa.Table
    coverage: pa.Table

    @property
    def tables(self) -> dict[str, pa.Table]:
        """The tables by name."""
        return {
            "events": self.events,
            "wordings": self.wordings,
            "links": self.links,
            "coverage": self.coverage,
        }

    @property
    def versions(self) -> dict[str, tuple[str, str]]:
        """What the snapshots were made with, where it differs: name → (before, after)."""
        names = ("position", "codebook", "chain", "rules", "software", "erasures")
        pairs = {name: (str(getattr(self.before, name)), str(getattr(self.after, name))) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def counts(self) -> dict[str, int]:
        """Events by change, rows read differently, links and coverage intervals that differ."""
        found = {"new": 0, "corrected": 0, "withdrawn": 0, "other_child": 0}
        for change, events in zip(*(self.events[c].to_pylist() for c in ("change", "events")), strict=True):
            found[change] += events
        found["read_differently"] = sum(self.wordings["rows"].to_pylist())
        found["links"] = sum(self.links["links"].to_pylist())
        return found | {"coverage": self.coverage.num_rows}


def diff(before: Snapshot, after: Snapshot) -> Diff:
    """What changed from one snapshot to another; tables are sorted; a count can be one child."""
    with TemporaryDirectory() as folder, workspace(Path(folder)) as connection:
        for side, snapshot in (("a", before), ("b", after)):
            for table in snapshot.manifest.tables:
                path = quoted(snapshot.path(table))
                connection.execute(f"CREATE VIEW {side}_{table} AS SELECT * FROM read_parquet('{path}')")
        return Diff(
            before.manifest,
            after.manifest,
            _table(connection, sql("diff_events").template),
            _wordings(connection, items=_both_have(before, after, "assessments")),
            _table(connection, sql("diff_links").substitute(linking=_LINKING, other=_OTHER)),
            _table(connection, sql("diff_coverage").template),
        )


def _both_have(before: Snapshot, after: Snapshot, table: str) -> bool:
    return table in before.manifest.tables and table in after.manifest.tables


def _table(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    found = connection.sql(query)
    assert found is not None
    return found.to_arrow_table()


def _wordings(connection: duckdb.DuckDBPyConnection, *, items: bool) -> pa.Table:
    """Rows read differently; ``items`` of investigations too, where both snapshots have them."""
    queries = [
        _wording_query(facts, part, name)
        for facts in ALL_FACTS
        for part in (facts.opening, *facts.later)
        for name in part.fields
        if name in facts.codes and name not in _FILLED_FROM_CHILD
    ]
    queries += [_items_query()] if items else []
    every = " UNION ALL ".join(f"({query})" for query in queries)
    return _table(connection, f"SELECT * FROM ({every}) ORDER BY ALL")


def _wording_query(facts: Facts, part: Part, name: str) -> str:
    code = f"array_to_string({name}, ';')" if facts.codes[name].several else name
    return sql("diff_wordings").substitute(
        table=facts.record_type, field=name, code=code, event_type=part.event_type
    )


def _items_query() -> str:
    items = ", ".join(
        f"{{'field': '{name}', 'was': a.{name}, 'now': b.{name}}}" for name in ASSESSMENTS.codes
    )
    before, after = (", ".join(f"{side}.{name}" for name in ASSESSMENTS.codes) for side in "ab")
    event_type = ASSESSMENTS.opening.event_type
    return sql("diff_items").substitute(items=items, before=before, after=after, event_type=event_type)

"""A cohort drawn from a snapshot: the stays that are studied, who was left out by which rule, who is in.

An entry is one child (within a municipality, where the snapshot's unit is that) at one event. A snapshot's
spells hold only what was delivered in full, so an entry whose beginning lies outside coverage was not seen
and is left out; later stays seen late enter late. Rows without a child id are counted, and followed nowhere.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
import pandas as pd
import pyarrow.parquet as pq

from tracker.domain.chain import ADULT, CLOSED, DEAD, MOVED, default_chain
from tracker.domain.errors import UsageError
from tracker.projections import cohort_sql as written
from tracker.projections.cohort_sources import MISSING, sources
from tracker.projections.cohort_spec import At, CohortSpec, Covariate, Which
from tracker.projections.engines import duckdb_table
from tracker.projections.flow_clock import END
from tracker.projections.rules import Unit
from tracker.projections.snapshot import Manifest, Snapshot
from tracker.projections.workspace import quoted, run, sql, workspace

ATTRITION_COLUMNS = (
    *("step", "rule", "said", "children", "entries", "stays", "rows"),
    *("children_left_out", "entries_left_out"),
)

_TABLES = (
    "spells",
    "referrals",
    "unlinkable_referrals",
    "children",
    "child_facts",
    "coverage",
    "municipality_facts",
)
_OWN = ("municipality", "sex", "age_at_entry", "age_group", "legal_basis")
"""Columns of spells whose place a covariate of that name takes."""

_SPELLS = (
    "subject_id",
    "municipality",
    *("episode", "spell", "state", "entered_on", "entered_step", "left_on", "left_step", "to_state", "exit"),
    *(
        "left_assumed",
        "sex",
        "age_at_entry",
        "age_group",
        "legal_basis",
        "state_entered_on",
        "episode_entered_on",
    ),
)


@dataclass(frozen=True)
class StudyCohort:
    """The cohort on disk: what analyses read.

    ``path`` is a Parquet file of study spells, sorted: the columns of a snapshot's ``spells`` (for each stay
    or, where a covariate varies with time, each piece of one), ``entry`` (number within the unit), ``part``
    (of the stay), ``origin_on`` (the day of entry), ``birth_month`` and the covariates. A covariate named as
    a column of spells (sex, municipality, age_group …) takes its place; what the stay itself said is then
    ``stay_<name>``. ``attrition`` has the columns of ``ATTRITION_COLUMNS``: a row for each rule with the
    children, entries and stays left after it; ``rows`` are referrals that name no child. ``composition``:
    covariate, level, children, entries, share of entries, for categories at entry.
    """

    spec: CohortSpec
    path: Path
    attrition: pd.DataFrame
    composition: pd.DataFrame
    unit: Unit
    manifest: Manifest

    @property
    def children(self) -> int:
        """Children in the study."""
        return self._last("children")

    @property
    def entries(self) -> int:
        """Entries followed."""
        return self._last("entries")

    @property
    def unlinkable(self) -> int:
        """Referral rows of the window that name no child."""
        return int(self.attrition["rows"].iloc[0])

    def __len__(self) -> int:
        """Rows of the study spells."""
        return int(pq.read_metadata(self.path).num_rows)

    def ibis(self) -> ir.Table:
        """The study spells as an Ibis table on DuckDB; nothing is read until asked for."""
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")  # it prints even when piped
        connection.execute(f"CREATE VIEW study AS SELECT * FROM read_parquet('{quoted(self.path)}')")
        return duckdb_table(connection, "study")

    def pandas(self) -> pd.DataFrame:
        """The study spells in memory."""
        frame: pd.DataFrame = pq.read_table(self.path).to_pandas()
        return frame

    def levels(self, name: str) -> list[str]:
        """The levels of a category in their natural order, what is missing last."""
        seen = self.composition.loc[self.composition["covariate"] == name, "level"]
        return list(seen)

    def _last(self, column: str) -> int:
        return int(self.attrition[column].iloc[-1])


def draw(snapshot: Snapshot, spec: CohortSpec, folder: Path | None = None) -> StudyCohort:
    """Draw the cohort, its files in ``folder`` (None: a temporary one that lives as long as the result).

    Memory stays bounded: work is spilled beside the result. An empty cohort is a result like any other.
    Raises UsageError for a state that neither the snapshot nor the default chain has.
    """
    place = folder or Path(tempfile.mkdtemp(prefix="tracker-cohort-"))
    place.mkdir(parents=True, exist_ok=True)
    path = place / "study_spells.parquet"
    with (
        tempfile.TemporaryDirectory(prefix=".cohort-", dir=place) as work,
        workspace(Path(work)) as connection,
    ):
        _open(connection, snapshot)
        _require_states(connection, spec)
        unit = _unit(connection)
        _enter(connection, spec, unit)
        run(connection, "cohort_entries", covariates=_fixed(spec))
        query = _study(spec)
        connection.execute(f"COPY ({query}) TO '{quoted(path)}' (FORMAT parquet, COMPRESSION zstd)")
        attrition = _attrition(connection, spec, path)
        composition = _composition(connection, spec)
    cohort = StudyCohort(spec, path, attrition, composition, unit, snapshot.manifest)
    if folder is None:
        weakref.finalize(cohort, shutil.rmtree, place, ignore_errors=True)
    return cohort


def _open(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    for table in _TABLES:
        at = quoted(snapshot.path(table))
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{at}')")


def _require_states(connection: duckdb.DuckDBPyConnection, spec: CohortSpec) -> None:
    seen = connection.execute(
        "SELECT DISTINCT state FROM spells UNION SELECT DISTINCT to_state FROM spells"
    ).fetchall()
    known = {name for (name,) in seen if name} | {*default_chain().by_name, CLOSED, ADULT, MOVED, DEAD}
    state = [spec.entry.state] if spec.entry.state else []
    if unknown := [name for name in (*state, *spec.exits.until, *spec.exits.censor) if name not in known]:
        raise UsageError(
            f"The cohort {spec.name} names states that do not exist: {', '.join(unknown)}; "
            f"there are {', '.join(sorted(known))}."
        )


def _unit(connection: duckdb.DuckDBPyConnection) -> Unit:
    """Whose stays were numbered from one: each child's, or each child's in each municipality."""
    twice = connection.execute(
        "SELECT 1 FROM spells WHERE spell = 1 GROUP BY subject_id HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    return Unit.CHILD_MUNICIPALITY if twice else Unit.CHILD


def _enter(connection: duckdb.DuckDBPyConnection, spec: CohortSpec, unit: Unit) -> None:
    """Make ``stays``, ``candidates`` and ``entrants``."""
    within = unit is Unit.CHILD_MUNICIPALITY
    run(connection, "cohort_stays", unit_place="municipality" if within else "''")
    run(
        connection,
        "cohort_candidates",
        event=written.event_sql(spec.entry),
        seen=written.SEEN_SQL[spec.entry.event],
        next_spell=written.next_spell_sql(spec),
    )
    names = written.used_sources(spec)
    cases = [f"WHEN {rule.fails} THEN {number}" for number, rule in enumerate(written.rules(spec), 1)]
    run(
        connection,
        "cohort_entrants",
        record_types=len(set(spec.entry.coverage)),
        coverage=written.texts(spec.entry.coverage),
        sources=written.sources_sql(names),
        levels=written.levels_sql(names),
        in_window=written.window_sql(spec.entry),
        rules=" ".join(cases),
        referral_place="municipality" if within else "''",
        referral_joined="r.municipality = c.municipality" if within else "true",
    )


def _fixed(spec: CohortSpec) -> str:
    fixed = [one for one in spec.covariates if one.at is At.ENTRY]
    return "".join(
        f",\n       {written.level_sql(one, f'src_{one.source}')} AS cov_{one.name}" for one in fixed
    )


def _study(spec: CohortSpec) -> str:
    horizon, last_day = spec.exits.horizon_days, spec.exits.last_day
    ends = [f"e.origin_on + {horizon}"] if horizon is not None else []
    ends += [f"DATE '{last_day}'"] if last_day else []
    return sql("cohort_study").substitute(
        last_on=f"least({', '.join(ends)})" if ends else "NULL::DATE",
        stops=written.texts((*spec.exits.until, *spec.exits.censor)),
        censor=written.texts(spec.exits.censor),
        changes=written.changes_sql(spec.covariates),
        end=END,
        columns=", ".join(_columns(spec)),
    )


def _columns(spec: CohortSpec) -> list[str]:
    named = {one.name: one for one in spec.covariates}
    own = [
        _value(named[name]) if name in named else f"stay_{name} AS {name}" if name in _OWN else name
        for name in _SPELLS
    ]
    stays = [f"stay_{name}" for name in _OWN if name in named]
    covariates = [_value(one) for one in spec.covariates if one.name not in _OWN]
    return [*own, "entry", "part", "origin_on", "birth_month", *covariates, *stays]


def _value(covariate: Covariate) -> str:
    if covariate.at is At.ENTRY:
        return f"cov_{covariate.name} AS {covariate.name}"
    return f"{written.level_sql(covariate, f'({sources()[covariate.source].by_day})')} AS {covariate.name}"


def _attrition(connection: duckdb.DuckDBPyConnection, spec: CohortSpec, study: Path) -> pd.DataFrame:
    """Children, entries and stays left after each rule, from the rows nobody can follow to the study."""
    event = written.SAID[spec.entry.event].format(state=spec.entry.state)
    steps = [
        (
            "unlinkable",
            "referral rows of the window that name no child: followed nowhere",
            _unlinkable(connection, spec),
        ),
        ("snapshot", "all children with stays on the chain", _one(connection, _IN_ALL)),
        ("event", event, _left(connection, spec, 0)),
    ]
    steps += [
        (rule.name, rule.said, _left(connection, spec, number))
        for number, rule in enumerate(written.rules(spec), 1)
    ]
    steps.append(("study", _ends_said(spec), _studied(connection, study)))
    rows = [{"step": n, "rule": r, "said": said} | counts for n, (r, said, counts) in enumerate(steps)]
    frame = pd.DataFrame(rows).reindex(columns=list(ATTRITION_COLUMNS))
    for name in ("children", "entries"):
        frame[f"{name}_left_out"] = -frame[name].astype("Int64").diff()
    whole = [name for name in ATTRITION_COLUMNS if name not in ("rule", "said")]
    return frame.astype(dict.fromkeys(whole, "Int64"))


_IN_ALL = "SELECT count(DISTINCT subject_id) AS children, count(*) AS stays FROM spells"


def _unlinkable(connection: duckdb.DuckDBPyConnection, spec: CohortSpec) -> dict[str, int]:
    window = written.window_sql(spec.entry).replace("origin_on", "received_on")
    return _one(connection, f"SELECT count(*) AS rows FROM unlinkable_referrals WHERE {window}")


def _left(connection: duckdb.DuckDBPyConnection, spec: CohortSpec, rule: int) -> dict[str, int]:
    """Of a child whose first event counts, the stays from the first left; else those of every event."""
    counted = "max(stays)" if spec.entry.which is Which.FIRST else "sum(stays)"
    return _one(
        connection,
        "SELECT count(DISTINCT subject_id) AS children, coalesce(sum(n), 0)::BIGINT AS entries, "
        "coalesce(sum(follow), 0)::BIGINT AS stays FROM ("
        f"SELECT subject_id, count(*) AS n, {counted} AS follow FROM entrants "
        f"WHERE coalesce(left_out > {rule}, true) GROUP BY subject_id, unit_place)",
    )


def _studied(connection: duckdb.DuckDBPyConnection, study: Path) -> dict[str, int]:
    entries = _one(
        connection, "SELECT count(DISTINCT subject_id) AS children, count(*) AS entries FROM entries"
    )
    at = quoted(study)
    stays = _one(connection, f"SELECT count(*) AS stays FROM read_parquet('{at}') WHERE part = 1")
    return entries | stays


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    row: dict[str, Any] = connection.sql(query).to_arrow_table().to_pylist()[0]
    return {name: int(value) for name, value in row.items()}


def _ends_said(spec: CohortSpec) -> str:
    exits = spec.exits
    said = [f"to day {exits.horizon_days}"] if exits.horizon_days is not None else []
    said += [f"to {exits.last_day}"] if exits.last_day else []
    said += [f"until {' or '.join(exits.until)}"] if exits.until else []
    said += [f"censored on {' or '.join(exits.censor)}"] if exits.censor else []
    said += ["to the next entry"] if "lead" in written.next_spell_sql(spec) else []
    return f"followed {', '.join(said) or 'as long as observed'}"


def _composition(connection: duckdb.DuckDBPyConnection, spec: CohortSpec) -> pd.DataFrame:
    """Who is in the study: children and entries at each level of what is fixed at entry."""
    parts = [
        _levels(connection, one)
        for one in spec.covariates
        if one.at is At.ENTRY and (one.cuts or not sources()[one.source].number)
    ]
    columns = ["covariate", "level", "children", "entries", "share_of_entries"]
    empty = pd.DataFrame(columns=columns).astype(
        {"children": "int64", "entries": "int64", "share_of_entries": float}
    )
    return pd.concat([empty, *parts], ignore_index=True) if parts else empty


def _levels(connection: duckdb.DuckDBPyConnection, covariate: Covariate) -> pd.DataFrame:
    frame: pd.DataFrame = connection.execute(
        f"SELECT '{covariate.name}' AS covariate, cov_{covariate.name} AS level, "
        "count(DISTINCT subject_id) AS children, count(*) AS entries, "
        "count(*) / sum(count(*)) OVER () AS share_of_entries "
        f"FROM entries GROUP BY cov_{covariate.name}"
    ).df()
    rank = _ranks(covariate)
    order = sorted(range(len(frame)), key=lambda row: _order(frame["level"].iloc[row], rank))
    return frame.iloc[order].reset_index(drop=True)


def _ranks(covariate: Covariate) -> Mapping[str, int]:
    declared = written.cut_levels(covariate.cuts) if covariate.cuts else [n for n, _ in covariate.categories]
    return {level: number for number, level in enumerate(declared)}


def _order(level: str, rank: Mapping[str, int]) -> tuple[int, int, tuple[int, str]]:
    """As declared, then by number and name (so 6-8 before 13-15), then what is missing."""
    missing = MISSING.index(level) + 1 if level in MISSING else 0
    figures = level.partition("-")[0].rstrip("+")
    return missing, rank.get(level, len(rank)), (int(figures) if figures.isdecimal() else 0, level)

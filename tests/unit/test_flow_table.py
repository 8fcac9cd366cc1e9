"""Flow tables of snapshots, as files, merged, compared, and on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.flow_tables import in_duckdb, spells
from tests.national_log import write_national_log
from tracker.cli.main import app
from tracker.domain.errors import TrackerError, UsageError
from tracker.estimate.results import About
from tracker.estimate.risk_sets import flow_counts
from tracker.harmonise.codebook import Codebooks
from tracker.projections.flow_clock import CENSORING, Clock
from tracker.projections.flow_counting import Origin, build_flow_table, count_flows
from tracker.projections.flow_files import in_order, read_flow_table, write_flow_table
from tracker.projections.flow_merge import cells_by_size, compare, merge, totals
from tracker.projections.flow_table import FlowTable, Source
from tracker.projections.rules import Rules, Unit
from tracker.projections.snapshot import Snapshot, write_snapshot

PLACES = ("0101", "0102", "0103")
CODEBOOKS = Codebooks.load()

THREE_PLACES = """
    CREATE MACRO child(subject) AS
        CASE WHEN subject IS NOT NULL THEN md5((hash(subject) % 60)::VARCHAR)::UUID::VARCHAR END;
    CREATE MACRO of_that_child(body, subject) AS CASE WHEN (body::JSON -> 'birth_date') IS NULL THEN body
        ELSE json_merge_patch(body, json_object('sex', ['Flicka', 'Pojke'][1 + (hash(subject) % 2)::INTEGER],
            'birth_date', '2010-0' || (1 + hash(subject) % 9) || '-15')) END;
    COPY (SELECT * REPLACE (lpad((101 + municipality::INTEGER % 3)::VARCHAR, 4, '0') AS municipality,
                            child(subject_id) AS subject_id, of_that_child(body, child(subject_id)) AS body)
          FROM '{log}') TO '{out}' (FORMAT parquet)
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """A synthetic log of sixty children in three municipalities, most of them in more than one."""
    folder = tmp_path_factory.mktemp("log")
    write_national_log(folder / "national.parquet", 2_000)
    with duckdb.connect() as connection:
        connection.execute(THREE_PLACES.format(log=folder / "national.parquet", out=folder / "log.parquet"))
    return pq.read_table(folder / "log.parquet")


def snapshot(log: pa.Table, out: Path, unit: Unit) -> Snapshot:
    write_snapshot(out, log, CODEBOOKS, rules=Rules(unit=unit))
    return Snapshot.open(out)


@pytest.fixture(scope="module")
def by_place(log: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot(log, tmp_path_factory.mktemp("by_place") / "s", Unit.CHILD_MUNICIPALITY)


@pytest.fixture(scope="module")
def by_child(log: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot(log, tmp_path_factory.mktemp("by_child") / "s", Unit.CHILD)


def rows(table: FlowTable) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = in_order(table).to_pylist()
    return found


@pytest.mark.parametrize("clock", Clock)
def test_municipalities_by_themselves_add_up_to_the_nation(
    log: pa.Table, by_place: Snapshot, tmp_path: Path, clock: Clock
) -> None:
    options: dict[str, Any] = {"clock": clock, "by": ("sex", "act_2025"), "unit": Unit.CHILD_MUNICIPALITY}
    tables = []
    for place in PLACES:
        own = log.filter(pc.field("municipality") == place)
        tables.append(build_flow_table(snapshot(own, tmp_path / place, Unit.CHILD_MUNICIPALITY), **options))
    merged, national = merge(tables), build_flow_table(by_place, **options)
    assert national.table.num_rows > 100
    assert rows(merged) == rows(national)
    assert rows(merge([build_flow_table(by_place, municipality=p, **options) for p in PLACES])) == rows(
        national
    )
    assert [s.municipalities for s in merged.sources] == [(p,) for p in PLACES]


@pytest.mark.parametrize("clock", Clock)
@pytest.mark.parametrize("unit", Unit)
def test_every_clock_of_a_snapshot_enters_the_gate(
    by_place: Snapshot, by_child: Snapshot, clock: Clock, unit: Unit
) -> None:
    read = by_child if unit is Unit.CHILD else by_place
    by = ("sex", "age_group", "legal_basis", "municipality")
    table = build_flow_table(read, clock=clock, by=by, unit=unit)
    sets = flow_counts(table.frame(), by)
    counted = in_duckdb(read.arrow("spells")).count().to_pyarrow().as_py()
    if clock is Clock.EPISODE:
        assert "closed" not in table.table.filter(pc.field("flow") == "entered").column("state").to_pylist()
    else:
        assert sets.entered.sum() == counted - table.sources[0].left_out
    assert table.about == {
        "cohort": "",
        "clock": clock,
        "unit": unit,
        "position": read.manifest.position,
        "codebook": read.manifest.codebook,
        "chain": read.manifest.chain,
        "rules": read.manifest.rules,
        "software": read.manifest.software,
        "synthetic": True,
    }
    assert About(**table.about).clock == clock


def test_spells_before_birth_or_of_unknown_age_are_left_out_by_the_clock_of_age_and_counted(
    log: pa.Table, tmp_path: Path
) -> None:
    with duckdb.connect() as connection:
        connection.register("log", log)
        connection.execute(
            "CREATE MACRO is_stripped(s, b) AS hash(s) % 5 < 2 AND (b::JSON -> 'birth_date') IS NOT NULL"
        )
        stripped = connection.sql(
            "SELECT * REPLACE (CASE WHEN is_stripped(subject_id, body) "
            "THEN json_merge_patch(body, CASE WHEN hash(subject_id) % 5 = 0 THEN '{\"birth_date\": null}' "
            'ELSE \'{"birth_date": "2024-03-10"}\' END) ELSE body END AS body) FROM log'
        ).to_arrow_table()
    read = snapshot(stripped, tmp_path / "s", Unit.CHILD)
    aged = build_flow_table(read, clock=Clock.AGE)
    calendar = build_flow_table(read, clock=Clock.CALENDAR)
    left_out = aged.sources[0].left_out
    assert left_out > 0
    assert aged.frame()["day"].between(0, 19 * 366).all()
    assert _entered(aged) + left_out == _entered(calendar)


def _entered(table: FlowTable) -> int:
    frame = table.frame()
    return int(frame.loc[frame["flow"] == "entered", "count"].sum())


def test_covariates_fixed_when_the_clock_starts_stay_the_same(by_child: Snapshot) -> None:
    """In each stratum of age group and year a child that comes by a transition left another state there."""
    table = build_flow_table(by_child, clock=Clock.EPISODE, by=("age_group", "entry_year")).frame()
    went = table[(table["flow"] == "transition") & (table["to_state"] != "closed")]
    came = table[table["flow"] == "entered"]
    keys = ["age_group", "entry_year", "day", "step"]
    arrived = went.groupby([*keys, "to_state"])["count"].sum()
    entered = came.groupby([*keys, "state"])["count"].sum().rename_axis([*keys, "to_state"])
    assert (entered.reindex(arrived.index, fill_value=0) >= arrived).all()


def test_the_unit_must_be_that_of_the_snapshot(by_place: Snapshot, by_child: Snapshot) -> None:
    with pytest.raises(UsageError, match="within each municipality"):
        build_flow_table(by_place, clock=Clock.STATE, unit=Unit.CHILD)
    with pytest.raises(UsageError, match="of them in more than one"):
        build_flow_table(by_child, clock=Clock.STATE, unit=Unit.CHILD_MUNICIPALITY)


def test_a_municipality_alone_may_follow_either_unit(log: pa.Table, tmp_path: Path) -> None:
    own = log.filter(pc.field("municipality") == PLACES[0])
    both = [
        build_flow_table(
            snapshot(own, tmp_path / unit, unit), clock=Clock.ENTRY, unit=Unit.CHILD_MUNICIPALITY
        )
        for unit in Unit
    ]
    assert rows(both[0]) == rows(both[1])


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"municipality": "2584"}, "nothing of municipality 2584"),
        ({"by": ("shoe_size",)}, "Unknown covariates: shoe_size; there are municipality, sex"),
        ({"by": ("entry_year",), "clock": Clock.AGE}, "starts at an entry; age does not"),
    ],
)
def test_what_a_snapshot_cannot_be_asked(by_child: Snapshot, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        build_flow_table(by_child, **{"clock": Clock.STATE, **asked})


FOUR = """
    a referral      03-01/0 03-01/1 investigation
    a investigation 03-01/1 03-20/1 closed
    b referral      03-10/0 03-12/1 moved
    c referral      03-10/0 03-18
"""


def small(place: str = "0180", **told: Any) -> FlowTable:
    origin = Origin(
        Unit.CHILD_MUNICIPALITY, "", "chain-1", "book-1", "1", Source((place,), 7, "tracker 1", True)
    )
    return replace(count_flows(in_duckdb(spells(FOUR)), Clock.STATE, ("sex",), origin=origin), **told)


def test_a_flow_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    table = small(horizon=30, cohort="first-1234")
    back = read_flow_table(write_flow_table(table, tmp_path / "t"))
    assert rows(back) == rows(table)
    assert replace(back, table=table.table) == table
    again = write_flow_table(back, tmp_path / "u")
    assert (again / "counts.parquet").read_bytes() == (tmp_path / "t" / "counts.parquet").read_bytes()


def test_an_empty_flow_table_is_one_too(tmp_path: Path) -> None:
    none = count_flows(in_duckdb(spells(FOUR).slice(0, 0)), Clock.STATE, ("sex",))
    back = read_flow_table(write_flow_table(none, tmp_path / "t"))
    assert back.table.schema == none.table.schema
    assert back.table.num_rows == 0
    assert cells_by_size(back)["1"] == 0
    assert flow_counts(back.frame(), ["sex"]).at_risk.shape[0] == 0
    assert totals(back).empty


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda t: (t / "counts.parquet").unlink(), "lacks counts.parquet"),
        (lambda t: (t / "counts.parquet").write_bytes(b"PAR1"), "is not as it was written"),
        (lambda t: (t / "flow-table.json").unlink(), "has no flow-table.json"),
        (lambda t: (t / "flow-table.json").write_text("{"), "cannot be read"),
        (lambda t: said(t, format="tracker-flow-table/2"), "not of the format tracker-flow-table/1"),
        (lambda t: said(t, clock="tide"), "does not know"),
        (lambda t: said(t, chain=None), "lacks chain"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(tmp_path: Path, harm: Any, why: str) -> None:
    folder = write_flow_table(small(), tmp_path / "t")
    harm(folder)
    with pytest.raises(UsageError, match=why):
        read_flow_table(folder)


def said(folder: Path, **other: str | None) -> None:
    path = folder / "flow-table.json"
    told = json.loads(path.read_text()) | other
    left = {name: value for name, value in told.items() if name not in other or value is not None}
    path.write_text(json.dumps(left))


def test_nothing_else_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not a flow table"):
        write_flow_table(small(), tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_merging_adds_counts() -> None:
    merged = merge([small("0180"), small("1480")])
    assert rows(merged) == [row | {"count": 2 * row["count"]} for row in rows(small())]
    assert merged.municipalities == ("0180", "1480")
    assert merged.position is None
    assert merged.synthetic
    twice = merge([merged, small("0114")])
    assert [source.municipalities for source in twice.sources] == [("0114",), ("0180",), ("1480",)]


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ([], "no flow tables"),
        ([{"place": "0180"}], "more than one of the flow tables: 0180"),
        ([{"chain": "chain-2"}], "differ in chain: chain-1 / chain-2"),
        ([{"codebook": "book-2"}], "differ in codebook: book-1 / book-2"),
        ([{"clock": Clock.ENTRY}], "differ in clock: entry / state"),
        ([{"strata": ("age",)}], "differ in strata: age / sex"),
        ([{"horizon": 30}], "differ in horizon: 30 / None"),
        ([{"censored_by": ("censored",)}], "differ in censored_by"),
        ([{"unit": Unit.CHILD}], "differ in unit"),
        ([{"sources": (Source(("1480",), 1, "tracker 1", False),)}], "differ in synthetic: False / True"),
        ([{"sources": (Source((), 1, "tracker 1", True),)}], "which municipalities it is of"),
    ],
)
def test_what_does_not_add_up_is_refused(others: Sequence[dict[str, Any]], why: str) -> None:
    tables = [small()] if others else []
    tables += [small(**{"place": "1480", **other}) for other in others]
    with pytest.raises(UsageError, match=why):
        merge(tables)


def test_linked_children_do_not_add_up() -> None:
    with pytest.raises(UsageError, match="here a child counts once"):
        merge([small(unit=Unit.CHILD), small("1480", unit=Unit.CHILD)])


def test_totals_of_states() -> None:
    assert totals(small()).to_dict() == {
        ("investigation", "days", ""): 19,
        ("investigation", "entered_from_outside", ""): 0,
        ("investigation", "transition", "closed"): 1,
        ("referral", "censored", ""): 2,
        ("referral", "days", ""): 10,
        ("referral", "entered_from_outside", ""): 3,
        ("referral", "transition", "investigation"): 1,
    }


def test_following_children_from_one_municipality_to_another_makes_fewer_entries(
    by_place: Snapshot, by_child: Snapshot
) -> None:
    merged = build_flow_table(by_place, clock=Clock.CALENDAR, unit=Unit.CHILD_MUNICIPALITY)
    linked = build_flow_table(by_child, clock=Clock.CALENDAR)
    found = compare(merged, linked)
    assert (found["difference"] == found["merged"] - found["linked"]).all()
    entered = found[found["what"] == "entered_from_outside"]
    assert entered["difference"].sum() > 0
    for name, table in (("merged", merged), ("linked", linked)):
        came = table.frame().query("flow == 'entered'")["count"].sum()
        moved = found[(found["what"] == "transition") & found["to_state"].isin(set(table.frame()["state"]))]
        assert entered[name].sum() + moved[name].sum() == came
    with pytest.raises(UsageError, match="differ in clock"):
        compare(merged, build_flow_table(by_child, clock=Clock.STATE))
    with pytest.raises(UsageError, match="second, one of linked"):
        compare(linked, merged)


def test_cells_by_size() -> None:
    counts = [1, 1, 2, 3, 4, 5, 9, 10, 1000]
    table = pa.table({"count": pa.array(counts, pa.int64())})
    assert cells_by_size(replace(small(), table=table)) == {"1": 2, "2": 1, "3-4": 2, "5-9": 2, "10+": 2}


def run(*words: object) -> str:
    found = CliRunner().invoke(app, ["flow-table", *map(str, words)])
    if isinstance(found.exception, TrackerError):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


def test_on_the_command_line(by_place: Snapshot, by_child: Snapshot, tmp_path: Path) -> None:
    options = ["--clock", "state", "--by", "sex, act_2025", "--horizon", 365]
    for place in PLACES:
        told = run("export", by_place.folder, "--municipality", place, *options, "--out", tmp_path / place)
        assert "cells that count one spell:" in told
        assert "SYNTHETIC" in told
    folders = [tmp_path / place for place in PLACES]
    told = json.loads(run("merge", *folders, "--out", tmp_path / "merged", "--json"))
    assert told["municipalities"] == list(PLACES)
    assert sum(told["cells_by_size"].values()) == told["rows"]
    national = build_flow_table(
        by_place, clock=Clock.STATE, by=("sex", "act_2025"), unit=Unit.CHILD_MUNICIPALITY, horizon=365
    )
    assert rows(read_flow_table(tmp_path / "merged")) == rows(national)
    run("export", by_child.folder, "--unit", "child", *options, "--out", tmp_path / "linked")
    compared = json.loads(run("compare", tmp_path / "merged", tmp_path / "linked", "--json"))
    assert {row["what"] for row in compared} == {"entered_from_outside", "transition", "censored", "days"}
    with pytest.raises(UsageError, match="more than one of the flow tables: 0101"):
        run("merge", folders[0], folders[0], "--out", tmp_path / "twice")
    assert not (tmp_path / "twice").exists()


def test_what_ends_observation_may_be_chosen(by_child: Snapshot) -> None:
    table = build_flow_table(by_child, clock=Clock.STATE, censored_by=[*CENSORING, "absorbing"])
    assert "adult" not in set(table.frame()["to_state"].dropna())

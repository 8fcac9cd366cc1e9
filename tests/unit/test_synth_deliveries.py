"""Synthetic deliveries: deterministic, readable, said to be synthetic, and accounted for row by row."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from python_calamine import CalamineWorkbook

from tracker.harmonise.codebook import Codebooks
from tracker.intake.headers import fold
from tracker.intake.spec_files import header_index
from tracker.synth import Plan, Truth, generate
from tracker.synth.senders import dialects
from tracker.synth.wording import phrases as own_phrases
from tracker.synth.wording import small_lists

TINY = Plan.tiny()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    out = tmp_path_factory.mktemp("synth")
    return out, generate(out, TINY, seed=11)


@pytest.fixture(scope="module")
def tables(made: tuple[Path, Truth]) -> Mapping[str, pd.DataFrame]:
    return {p.stem: pd.read_parquet(p) for p in (made[0] / "truth").glob("*.parquet")}


def _grid(path: Path) -> list[list[object]]:
    if path.suffix in (".xlsx", ".xls"):
        return CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    delimiter = "\t" if path.suffix == ".txt" else ";"
    return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]


def _files(out: Path) -> list[Path]:
    return sorted(p for p in (out / "inbox").glob("*/*") if p.suffix != ".yml")


def test_one_seed_is_one_collection(made: tuple[Path, Truth], tmp_path: Path) -> None:
    out, summary = made
    again = generate(tmp_path, TINY, seed=11)
    assert replace(again, seconds={}) == replace(summary, seconds={})
    names = sorted(p.relative_to(out) for p in out.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    for name in names:
        assert (out / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_another_seed_is_another_collection(made: tuple[Path, Truth], tmp_path: Path) -> None:
    generate(tmp_path, TINY, seed=12)
    ours = pd.read_parquet(made[0] / "truth" / "children.parquet")
    assert not ours.equals(pd.read_parquet(tmp_path / "truth" / "children.parquet"))


def test_an_inbox_is_not_written_over(made: tuple[Path, Truth]) -> None:
    with pytest.raises(FileExistsError, match="not empty"):
        generate(made[0], TINY, seed=1)


def test_every_row_of_every_file_is_in_the_truth(
    made: tuple[Path, Truth], tables: Mapping[str, pd.DataFrame]
) -> None:
    out, summary = made
    rows = tables["rows"]
    assert {str(p.relative_to(out / "inbox")) for p in _files(out)} == set(tables["files"].file)
    for file in tables["files"].file:
        said = rows[rows.file == file]
        grid = _grid(out / "inbox" / file)
        header = next(k for k, row in enumerate(grid) if sum(bool(cell) for cell in row) >= 3)
        filled = [k + 1 for k, row in enumerate(grid) if k > header and any(c not in ("", None) for c in row)]
        assert filled == said.row.tolist()
    assert summary.rows == len(rows)


def test_headers_are_ones_the_specs_know() -> None:
    for dialect in dialects():
        for record_type, columns in dialect.columns.items():
            known = header_index(record_type)
            for field, header in columns.items():
                if field != "bbic":
                    assert known[fold(header)][0] == field, (dialect.name, record_type, header)


def test_headers_in_the_files_are_ones_the_specs_know(
    made: tuple[Path, Truth], tables: Mapping[str, pd.DataFrame]
) -> None:
    for file, said in tables["rows"].groupby("file"):
        known = header_index(said.record_type.iloc[0])
        grid = _grid(made[0] / "inbox" / str(file))
        headers = next(row for row in grid if sum(bool(cell) for cell in row) >= 3)
        assert [h for h in headers if fold(str(h)) not in known] == []


def test_everything_says_that_it_is_synthetic(made: tuple[Path, Truth]) -> None:
    out, _ = made
    for path in _files(out):
        assert "syntetisk" in path.name.lower()
        assert yaml.safe_load(path.with_name(path.name + ".yml").read_text("utf-8"))["synthetic"] is True
        if path.suffix == ".xlsx":
            assert "syntetisk" in CalamineWorkbook.from_path(str(path)).sheet_names[0].lower()
    assert '"synthetic": true' in (out / "manifest.json").read_text("utf-8")
    for table in (out / "truth").glob("*.parquet"):
        import pyarrow.parquet as pq

        assert pq.read_schema(table).metadata[b"synthetic"] == b"true"


def test_national_ids_in_files_are_of_the_test_series(
    made: tuple[Path, Truth], tables: Mapping[str, pd.DataFrame]
) -> None:
    numbers = {n for column in ("number", "later_number") for n in tables["children"][column].dropna()}
    assert all(980 <= int(n[8:11]) <= 999 for n in numbers)
    endings = {n[2:] for n in numbers}
    good = tables["rows"].query("kind == 'fact'")
    seen = 0
    for file, said in good[good.record_type == "referrals"].groupby("file"):
        grid = _grid(made[0] / "inbox" / str(file))
        known = header_index("referrals")
        head = next(row for row in grid if sum(bool(cell) for cell in row) >= 3)
        place = {known[fold(str(h))][0]: k for k, h in enumerate(head)}
        for row in said.row if "child" in place else ():
            cell = str(grid[row - 1][place["child"]])
            digits = "".join(c for c in cell if c.isdigit())
            assert cell.startswith("R") or digits[-10:] in endings
            seen += 1
    assert seen > 100


def test_true_links_hold_together(tables: Mapping[str, pd.DataFrame]) -> None:
    r, i = tables["referrals"], tables["investigations"].set_index("fid")
    linked = r[r.explicit]
    assert len(linked) > 10
    its = i.loc[linked.investigation]
    assert (its.child.to_numpy() == linked.child.to_numpy()).all()
    assert (its.municipality.to_numpy() == linked.municipality.to_numpy()).all()
    assert set(linked.action) <= {"A1", "C1"}
    d = tables["interventions"]
    assert set(d[d.explicit].investigation) <= set(i.index)
    assert not r[~r.stable_ids].explicit.any()


def test_facts_of_the_truth_are_the_rows_of_the_files(tables: Mapping[str, pd.DataFrame]) -> None:
    rows = tables["rows"]
    delivered = rows[rows.kind.isin(("fact", "fact_without_child"))]
    for record_type, its in delivered.groupby("record_type"):
        final = set(tables[str(record_type)].fid)
        assert final <= set(its.fid)
        gone = set(its.fid) - final
        assert all(fid.startswith("G") for fid in gone), "only mistaken registrations vanish"


def test_outcomes_are_told_for_bad_rows_of_many_kinds(tmp_path: Path) -> None:
    plan = replace(TINY, municipalities=4, referrals=800, share_bad_rows=0.12)
    generate(tmp_path, plan, seed=3)
    rows = pd.read_parquet(tmp_path / "truth" / "rows.parquet")
    bad = rows[~rows.kind.isin(("fact", "fact_without_child", "sum_row"))]
    assert bad.kind.nunique() >= 8
    assert set(bad.outcome) == {"quarantined", "set_aside"}
    assert (bad.fid == "").all()


def test_shares_of_the_plan_are_met(tmp_path: Path) -> None:
    plan = replace(TINY, municipalities=10, share_without_reasons=0.2, share_several_reasons=0.3)
    generate(tmp_path, plan, seed=5)
    r = pd.read_parquet(tmp_path / "truth" / "referrals.parquet")
    by_place = r.groupby("municipality")
    assert (~by_place.reasons_delivered.any()).sum() == 2
    assert by_place.reasons.apply(lambda cells: max(map(len, cells)) > 1).sum() == 3


def test_the_codebook_is_never_wrong_about_a_wording(tmp_path: Path) -> None:
    """Unknown is allowed, wrong is not; the wordings were listed independently of the spellings."""
    generate(tmp_path, replace(TINY, municipalities=40, referrals=2_500, share_unknown_wording=0.05), seed=2)
    said = pd.read_parquet(tmp_path / "truth" / "wordings.parquet")
    books = Codebooks.load()
    known = 0
    for w in said.itertuples():
        reading = books.read(w.codebook, w.wording, w.municipality, w.system)
        if reading.unmapped:
            continue
        known += w.rows
        assert set(reading.codes) == set(w.codes), (w.codebook, w.wording)
        assert not w.secret, w.wording
    assert known > 0.7 * said.rows.sum()
    assert said.secret.any()


def test_every_own_wording_has_a_code_of_the_codebooks() -> None:
    lists = Codebooks.load().lists
    for codebook, codes in small_lists().items():
        assert set(codes) <= set(lists[codebook])
    for codebook in ("referral_reason", "referral_type", "referral_action"):
        assert set(own_phrases(codebook)) <= set(lists[codebook])
    assert set(own_phrases("referral_reason")) == set(lists["referral_reason"]) - {"EJ_TILLAMPLIG"}


def test_old_workbooks_when_asked_for(tmp_path: Path) -> None:
    plan = replace(TINY, municipalities=4, old_excel=True, other_record_types=False)
    generate(tmp_path, plan, seed=1)
    old = [p for p in _files(tmp_path) if p.suffix == ".xls"]
    assert old
    rows = pd.read_parquet(tmp_path / "truth" / "rows.parquet")
    for path in old:
        said = rows[rows.file == str(path.relative_to(tmp_path / "inbox"))]
        assert len(_grid(path)) == said.row.max()


def test_all_eight_record_types_and_four_systems_are_in_the_demo_plan(tmp_path: Path) -> None:
    plan = replace(Plan.demo(), referrals=900)
    steps: list[tuple[str, int, int]] = []
    summary = generate(tmp_path, plan, seed=7, progress=lambda *step: steps.append(step))
    assert all(count > 0 for count in summary.facts.values())
    assert len(summary.facts) == 8
    sidecars = [yaml.safe_load(p.read_text("utf-8")) for p in (tmp_path / "inbox").rglob("*.yml")]
    assert len({s["system"] for s in sidecars}) == 4
    assert {s["full"] for s in sidecars} == {True, False}
    assert len(list((tmp_path / "inbox").iterdir())) >= 12
    assert {p.suffix for p in _files(tmp_path)} == {".xlsx", ".csv", ".txt"}
    folders_without = [f for f in (tmp_path / "inbox").iterdir() if not list(f.glob("*.yml"))]
    assert folders_without
    assert steps[-1][1] == steps[-1][2]
    outcomes = set(pd.read_parquet(tmp_path / "truth" / "rows.parquet").outcome)
    assert outcomes == {"appended", "corrected", "unchanged", "quarantined", "set_aside"}

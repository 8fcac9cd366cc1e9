"""Stamped tables: what is written is what is read back, and nothing written can run."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tracker.domain.errors import UsageError
from tracker.publish.files import output_name, replacing
from tracker.publish.stamp import checked, stamp_line
from tracker.publish.tables import write_table

STAMP = {
    "position": "1204",
    "as_of": "2026-01-31T12:00:00+00:00",
    "codebook": "ab12+7",
    "definition": "flow/1",
    "software": "tracker 0.1.0",
    "synthetic": "yes",
    "links": "explicit",
}
DANGEROUS = ["=1+1", "+46", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "harmless", 'Å, ä; "ö"']


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = len(DANGEROUS)
    return pd.DataFrame(
        {
            "step": DANGEROUS,
            "count": pd.array([1, 22, 333_333, None, 0, 5, 6, 7, 8], dtype="Int64"),
            "share": [0.5, np.nan, 1.0, 0.25, -0.125, 0.1, 0.2, 0.3, 0.4],
            "on": [date(2025, 7, 1), None, *[date(2024, 2, 29)] * (rows - 2)],
            "at": pd.to_datetime(["2025-07-01"] * rows),
            "full": [True, False] * 4 + [True],
            "reasons": [["a", "b"], None, [], *[["c"]] * (rows - 3)],
        }
    )


def test_csv_is_read_back_by_pandas_with_types_and_stamp(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write_table(frame, STAMP, tmp_path / "flow.csv", "csv")
    back = pd.read_csv(path, parse_dates=["on", "at"])
    assert back["count"].tolist()[:3] == [1, 22, 333_333]
    assert back["count"].isna().tolist() == frame["count"].isna().tolist()
    assert back["share"].dropna().tolist() == frame["share"].dropna().tolist()
    assert back["on"][2] == pd.Timestamp(2024, 2, 29)
    assert back["reasons"][0] == "a; b"
    assert set(back["stamp"]) == {stamp_line(STAMP)}
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_csv_text_cannot_start_a_formula_and_numbers_stay_numbers(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    path = write_table(frame, STAMP, tmp_path / "flow.csv", "csv")
    texts = pd.read_csv(path, keep_default_na=False)["step"].tolist()
    assert texts[:3] == ["'=1+1", "'+46", "'-cmd"]
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r", "\0")) for text in texts)
    assert texts[-2:] == DANGEROUS[-2:]
    assert ",-0.125," in path.read_text(encoding="utf-8-sig")


def test_csv_headers_are_guarded_too(tmp_path: Path) -> None:
    path = write_table(pd.DataFrame({"=cmd": [1]}), STAMP, tmp_path / "x.csv", "csv")
    assert path.read_text(encoding="utf-8-sig").startswith('"\'=cmd"')


def test_csv_stamp_lies_beside_it_whole(frame: pd.DataFrame, tmp_path: Path) -> None:
    write_table(frame.head(0), STAMP, tmp_path / "flow.csv", "csv")
    beside = json.loads((tmp_path / "flow.csv.stamp.json").read_text(encoding="utf-8"))
    assert beside == checked(STAMP)
    assert beside["disclosure"] == "not disclosure-controlled"


def test_xlsx_holds_typed_cells_and_an_about_sheet(frame: pd.DataFrame, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_table(frame, STAMP, tmp_path / "flow.xlsx", "xlsx"))
    assert book.sheetnames == ["About", "Data"]
    about = {row[0].value: row[1].value for row in book["About"].iter_rows(max_row=8)}
    assert about["position"] == "1204"
    assert about["synthetic"] == "yes"
    data = book["Data"]
    assert [cell.value for cell in data[1]] == list(frame.columns)
    assert data["A2"].value == "=1+1"
    assert all(cell.data_type in {"s", "inlineStr"} for (cell,) in data["A2:A10"])
    assert data["B4"].value == 333_333
    assert data["B5"].value is None
    assert data["D2"].value == datetime(2025, 7, 1)
    assert data["D2"].is_date
    assert data["F2"].value is True
    assert data.freeze_panes == "A2"


def test_xlsx_is_the_same_bytes_for_the_same_content(frame: pd.DataFrame, tmp_path: Path) -> None:
    paths = [write_table(frame, STAMP, tmp_path / name, "xlsx") for name in ("a.xlsx", "b.xlsx")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_xlsx_refuses_what_a_cell_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "long.xlsx"
    with pytest.raises(UsageError, match="32768 characters"):
        write_table(pd.DataFrame({"a": ["x" * 32_768]}), STAMP, path, "xlsx")
    assert list(tmp_path.iterdir()) == []


def test_json_carries_stamp_and_missing_values(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame = frame.assign(high=[float("inf"), *[1.5] * 8])
    document = json.loads(write_table(frame, STAMP, tmp_path / "flow.json", "json").read_text("utf-8"))
    assert document["stamp"] == checked(STAMP)
    assert document["rows"][1]["share"] is None
    assert document["rows"][0]["on"] == "2025-07-01"
    assert document["rows"][0]["high"] == "inf"


def test_parquet_keeps_types_and_stamp(frame: pd.DataFrame, tmp_path: Path) -> None:
    table = pq.read_table(write_table(frame, STAMP, tmp_path / "flow.parquet", "parquet"))
    assert json.loads(table.schema.metadata[b"tracker_stamp"]) == checked(STAMP)
    assert table.column("step").to_pylist() == DANGEROUS
    assert str(table.schema.field("on").type) == "date32[day]"


@pytest.mark.parametrize("fmt", ["csv", "xlsx", "parquet", "json"])
def test_nothing_is_written_without_a_complete_stamp(fmt: str, tmp_path: Path) -> None:
    incomplete = {key: value for key, value in STAMP.items() if key != "codebook"}
    with pytest.raises(ValueError, match="lacks codebook"):
        write_table(pd.DataFrame({"a": [1]}), incomplete, tmp_path / f"x.{fmt}", fmt)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="csv, xlsx, parquet, json"):
        write_table(pd.DataFrame(), STAMP, tmp_path / "x.dta", "dta")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "flow.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), replacing(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_stamp_line_names_everything_and_says_synthetic_first() -> None:
    line = stamp_line(STAMP)
    assert line.startswith("SYNTHETIC DATA · not disclosure-controlled · as of position 1204 (2026-01-31T12")
    assert "codebook ab12+7 · flow/1 · tracker 0.1.0" in line
    assert "links explicit" in line
    assert "SYNTHETIC" not in stamp_line(STAMP | {"synthetic": "no"})


def test_file_names_follow_one_pattern() -> None:
    assert output_name("flow", 12, "xlsx", "age_group") == "tracker-flow-age-group-p12.xlsx"
    assert output_name("flow", 12, "csv", "../../etc/=Åre kommun") == "tracker-flow-etc-are-kommun-p12.csv"

"""Exports by hand: whose ids, which times, what a row is, and what never leaves."""

from __future__ import annotations

import gzip
import hmac
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest

from tests.small_snapshots import Row, covered, small_snapshot
from tracker.domain.errors import KeyringError, UsageError
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import parse_cohort
from tracker.projections.snapshot import Snapshot
from tracker.pseudonymise.keyring import Keyring
from tracker.publish.exports.formats import Format, fitting
from tracker.publish.exports.forms import FORMS, Order, form_for
from tracker.publish.exports.intervals import intervals
from tracker.publish.exports.material import Material, Pseudonyms, read_material
from tracker.publish.exports.meds import DATA, DEATH
from tracker.publish.exports.moments import steps_per_day
from tracker.publish.exports.msdata import msdata
from tracker.publish.exports.tables import described
from tracker.publish.exports.writing import Made, write_export

FIRST = date(2024, 3, 11)
ANN, BO, CY = (
    f"{letter * 8}-0000-4000-8000-{letter * 12}" for letter in ("a", "b", "c")
)  # as random ids look
FACTS = [f"{number:032x}" for number in range(0xFAC70000, 0xFAC70010)]
TRIED = tuple((form, fmt) for form in FORMS.values() for fmt in form.formats)


def names(project: str) -> Pseudonyms:
    def namer(kind: str) -> Callable[[str], str]:
        return lambda known: hmac.digest(project.encode(), f"{kind}{known}".encode(), "sha256")[:16].hex()

    return Pseudonyms(namer("subject"), namer("fact"))


def stay(
    child: str,
    number: int,
    state: str,
    entered: tuple[int, int],
    left: tuple[int, int | None],
    **more: object,
) -> Row:
    """A stay between moments (days since FIRST, step); ``to`` says where it went."""
    to = more.pop("to", None)
    return {
        "subject_id": child,
        "spell": number,
        "state": state,
        "entered_on": FIRST + timedelta(days=entered[0]),
        "entered_step": entered[1],
        "left_on": FIRST + timedelta(days=left[0]),
        "left_step": left[1],
        "to_state": to,
        "exit": "transition" if to else "censored",
        "state_entered_on": FIRST + timedelta(days=entered[0]),
        "episode_entered_on": FIRST,
        **more,
    }


LATER = FIRST + timedelta(7)
SPELLS = [
    # Ann: a referral decided on its day, a loop, grown up.
    stay(ANN, 1, "referral", (0, 0), (0, 1), to="investigation"),
    stay(ANN, 2, "investigation", (0, 1), (40, 1), to="closed"),
    stay(ANN, 3, "closed", (40, 1), (90, 1), to="referral"),
    stay(ANN, 4, "referral", (90, 1), (90, 2), to="closed", episode=2),
    stay(ANN, 5, "closed", (90, 2), (200, 1), to="adult", exit="absorbing", episode=2),
    # Bo: a gap in what was delivered, resumed in another state; then moved.
    stay(BO, 1, "referral", (7, 0), (10, None), exit="coverage", episode_entered_on=LATER),
    stay(BO, 2, "intervention", (30, 0), (60, 1), to="closed", episode_entered_on=LATER),
    stay(BO, 3, "closed", (60, 1), (80, 1), to="moved", exit="moved", episode_entered_on=LATER),
    # Cy: seen for no time at all.
    stay(CY, 1, "referral", (5, 32_767), (5, None), episode_entered_on=FIRST + timedelta(5)),
]  # fmt: skip
REFERRALS = [
    {
        "subject_id": child,
        "fact_id": fact,
        "received_on": FIRST + timedelta(days=day),
        "concluded_on": FIRST + timedelta(days=day),
        "reasons": reasons,
        "flow_class": "opened",
        "action": "A1",
        "investigation_id": FACTS[9],
    }
    for child, fact, day, reasons in [
        (ANN, FACTS[0], 0, ["V_SEX", "O_OMSORG"]),
        (ANN, FACTS[1], 90, []),
        (BO, FACTS[2], 7, ["O_OMSORG"]),
    ]
]
INVESTIGATIONS = [
    {"subject_id": ANN, "fact_id": FACTS[9], "opened_on": FIRST, "closed_on": FIRST + timedelta(40),
     "need": "none", "outcome": "no_measure", "referral_id": FACTS[0]},
]  # fmt: skip
CHILD_FACTS = [
    {"subject_id": BO, "fact_id": FACTS[4], "known_on": FIRST + timedelta(81), "fact": "died"},
    {"subject_id": BO, "fact_id": FACTS[5], "known_on": FIRST + timedelta(3), "fact": "number_changed"},
]  # fmt: skip


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return small_snapshot(
        tmp_path_factory.mktemp("s") / "snapshot",
        spells=SPELLS,
        referrals=REFERRALS,
        investigations=INVESTIGATIONS,
        child_facts=CHILD_FACTS,
        children=[{"subject_id": one, "birth_month": date(2016, 5, 1)} for one in (ANN, BO, CY)],
        coverage=covered("0180"),
    )


def material(snapshot: Snapshot, project: str = "p", **more: object) -> Material:
    return read_material(snapshot, None, names(project), exact=bool(more.get("exact")))


def exported(
    snapshot: Snapshot, out: Path, form: str, fmt: str, *, exact: bool = False, project: str = "p"
) -> Made:
    order = Order(project, *form_for(form, fmt), language="sv")
    return write_export(order, material(snapshot, project, exact=exact), out, lambda made: None)


# -- times and rows ----------------------------------------------------------------------------------


def test_steps_of_a_day_are_fractions_that_keep_order_and_ties(snapshot: Snapshot) -> None:
    rows = intervals(material(snapshot)).frame
    ann = rows[rows["person"] == names("p").subject(ANN)]
    assert list(zip(ann["tstart"], ann["tstop"], strict=True)) == [
        (0, 1 / 64), (1 / 64, 40 + 1 / 64), (40 + 1 / 64, 90 + 1 / 64), (90 + 1 / 64, 90 + 2 / 64),
        (90 + 2 / 64, 200 + 1 / 64),
    ]  # fmt: skip
    assert list(ann["event"]) == ["investigation", "closed", "referral", "closed", "adult"]
    assert ann["id"].nunique() == 1


def test_the_end_of_a_day_follows_its_steps_and_moving_is_censoring(snapshot: Snapshot) -> None:
    rows = intervals(material(snapshot)).frame
    bo = rows[rows["person"] == names("p").subject(BO)]
    assert list(bo["tstop"]) == [3 + 63 / 64, 53 + 1 / 64, 73 + 63 / 64]
    assert list(bo["event"]) == ["0", "closed", "0"]
    assert rows["event"].cat.categories[0] == "0"


def test_a_stretch_ends_where_observation_does(snapshot: Snapshot) -> None:
    rows = intervals(material(snapshot)).frame
    bo = rows[rows["person"] == names("p").subject(BO)]
    me = names("p").subject(BO)
    assert list(bo["id"]) == [me, f"{me}/2", f"{me}/2"]


def test_who_was_seen_for_no_time_is_never_at_risk(snapshot: Snapshot) -> None:
    assert names("p").subject(CY) not in set(intervals(material(snapshot)).frame["person"])


@pytest.mark.parametrize(("step", "parts"), [(1, 64), (62, 64), (63, 128), (200, 256)])
def test_a_day_has_room_for_every_step_and_its_end(step: int, parts: int) -> None:
    stays = pd.DataFrame({"entered_step": [0, step - 1], "left_step": pd.array([step, None], "Int16")})
    assert steps_per_day(stays) == parts > step + 1


def test_msdata_has_a_row_for_every_transition_at_risk(snapshot: Snapshot) -> None:
    rows, moves, states, matrix = (table.frame for table in msdata(material(snapshot)))
    assert list(states["name"]) == ["referral", "investigation", "intervention", "closed", "adult"]
    named = [(one.from_state, one.to_state, one.trans) for one in moves.itertuples()]
    assert named == [
        ("referral", "investigation", 1), ("referral", "closed", 2), ("investigation", "closed", 3),
        ("intervention", "closed", 4), ("closed", "referral", 5), ("closed", "adult", 6),
    ]  # fmt: skip
    ann = rows[(rows["id"] == names("p").subject(ANN)) & (rows["Tstart"] == 90 + 1 / 64)]
    assert list(ann[["from", "to", "trans", "status"]].itertuples(index=False, name=None)) == [
        (1, 2, 1, 0), (1, 4, 2, 1)
    ]  # fmt: skip
    assert (rows["time"] == rows["Tstop"] - rows["Tstart"]).all()
    assert rows["status"].sum() == moves["count"].sum() == 6
    cells = matrix.drop(columns="from_state").to_numpy(dtype=float, na_value=np.nan)
    assert sorted(cells[~np.isnan(cells)]) == [1, 2, 3, 4, 5, 6]
    assert cells[3, 0] == 5


def test_events_are_told_in_days_and_codes(snapshot: Snapshot) -> None:
    (events, _) = FORMS["timeline"].build(material(snapshot))
    ann = events.frame[events.frame["id"] == names("p").subject(ANN)]
    assert list(zip(ann["day"], ann["order"], ann["event"], strict=True)) == [
        (0, 1, "ReferralReceived"), (0, 2, "ReferralConcluded"), (0, 3, "InvestigationOpened"),
        (40, 1, "InvestigationClosed"), (90, 1, "ReferralReceived"), (90, 2, "ReferralConcluded"),
    ]  # fmt: skip
    assert ann["reasons"].iloc[0] == "V_SEX; O_OMSORG"
    opened = ann[ann["event"] == "InvestigationOpened"]
    assert list(opened["linked_fact"]) == [names("p").fact(FACTS[0])]
    assert "number_changed" not in set(events.frame["fact_type"].dropna())


def test_meds_rows_follow_the_standard(snapshot: Snapshot, tmp_path: Path) -> None:
    exported(snapshot, tmp_path / "x", "meds", "parquet")
    table = pq.read_table(tmp_path / "x" / "data" / "0.parquet")
    assert table.schema.remove_metadata() == DATA
    data = table.to_pandas()
    assert (data["subject_id"].diff() != 0).sum() == data[
        "subject_id"
    ].nunique()  # a subject's rows lie together
    for _, rows in data.groupby("subject_id"):
        times = rows["time"]
        assert times[times.notna()].is_monotonic_increasing
        assert (
            times.notna().to_numpy().nonzero()[0].min() == times.isna().sum()
        )  # what is always so comes first
    codes = pq.read_table(tmp_path / "x" / "metadata" / "codes.parquet").to_pandas()
    assert set(data["code"]) == set(codes["code"])
    assert DEATH in set(data["code"])
    assert json.loads((tmp_path / "x" / "metadata" / "dataset.json").read_text())["etl_name"] == "tracker"


# -- whose ids ---------------------------------------------------------------------------------------


def test_a_project_keeps_its_ids_and_shares_none(tmp_path: Path) -> None:
    keys = Keyring.create(tmp_path / "keys")

    def ids(project: str, kind: str = "subject") -> list[str]:
        return [keys.project(project).namer(kind)(f"{number:032x}") for number in range(500)]

    assert ids("nuso-1") == ids("nuso-1")
    assert len({*ids("nuso-1"), *ids("nuso-2"), *ids("nuso-1", "fact")}) == 1500
    assert Keyring.open(keys.directory).project("nuso-1").namer("subject")("x") == keys.project(
        "nuso-1"
    ).namer("subject")("x")
    assert not np.array_equal(np.argsort(ids("nuso-1")), np.argsort(ids("nuso-2")))
    assert "key=" not in repr(keys.project("nuso-1"))


@pytest.mark.parametrize("name", ["", "P-1", "å", "p 1", "../p", "-p", "p\n", "x" * 65])
def test_a_project_is_spelled_in_one_way(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyringError):
        Keyring.create(tmp_path / "keys").project(name)


def test_rows_lie_in_the_order_of_the_projects_ids(snapshot: Snapshot) -> None:
    for project in ("p", "q", "r", "s"):
        people = material(snapshot, project).people
        assert people["id"].is_monotonic_increasing
        assert material(snapshot, project).stays["id"].is_monotonic_increasing


# -- what never leaves -------------------------------------------------------------------------------


def text_of(path: Path) -> str:
    """Everything readable in a file, however it is packed."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table.to_pandas().to_csv() + str(table.schema.metadata)
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            packed = "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
        rows = (row for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows(values_only=True))
        return packed + "\n".join(str(row) for row in rows)
    if path.suffix in (".dta", ".sav"):
        read = pyreadstat.read_dta if path.suffix == ".dta" else pyreadstat.read_sav
        return str(read(str(path))[0].to_csv()) + path.read_bytes().decode("latin-1")
    return path.read_text(encoding="utf-8-sig")


def everything(folder: Path) -> str:
    return "\n".join(text_of(path) for path in sorted(folder.rglob("*")) if path.is_file())


def dates() -> set[str]:
    days = {row[name] for row in SPELLS for name in row if name.endswith("_on")}
    return {str(day) for day in days} | {str(row["received_on"]) for row in REFERRALS} | {"2016-05-01"}


@pytest.mark.parametrize(("form", "fmt"), TRIED, ids=lambda one: getattr(one, "name", str(one)))
def test_no_id_or_date_of_ours_leaves(snapshot: Snapshot, tmp_path: Path, form: object, fmt: Format) -> None:
    exported(snapshot, tmp_path / "x", form.name, fmt)  # type: ignore[attr-defined]  # given as object
    told = everything(tmp_path / "x")
    ids = [ANN, BO, CY, *FACTS]
    for secret in [*ids, *(one.replace("-", "") for one in ids), *dates(), "2016-05"]:
        assert secret not in told
    if form.persons:  # type: ignore[attr-defined]  # given as object
        assert "2024-03" in told  # the month of entry, where it is looked for


@pytest.mark.parametrize("form", ["spells", "timeline", "msdata", "eventlog", "meds"])
def test_exact_dates_leave_when_asked_for(snapshot: Snapshot, tmp_path: Path, form: str) -> None:
    exported(snapshot, tmp_path / "x", form, "parquet", exact=True)
    assert str(FIRST) in everything(tmp_path / "x")


def test_a_cohort_broken_on_days_of_the_calendar_needs_exact_dates(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    spec = parse_cohort("name: c\nentry: {event: first_referral}\ncovariates: {act: {at: time_varying}}\n")
    cohort = draw(snapshot, spec, tmp_path)
    with pytest.raises(UsageError, match="act"):
        read_material(snapshot, cohort, names("p"), exact=False)
    assert len(read_material(snapshot, cohort, names("p"), exact=True).stays) > 0


def test_months_are_counted_without_telling_the_day() -> None:
    from tracker.publish.exports.happenings import _days

    origin = pd.Series(pd.date_range("2024-03-01", "2024-03-31"))
    begun = pd.DataFrame({"on": pd.Timestamp("2024-06-01"), "origin_on": origin, "precision": "month"})
    assert set(_days(begun)) == {91}
    assert _days(begun.assign(precision="day")).nunique() == 31


# -- files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "read"), [(Format.DTA, pyreadstat.read_dta), (Format.SAV, pyreadstat.read_sav)]
)
def test_labels_stand_in_stata_and_spss(
    snapshot: Snapshot, tmp_path: Path, fmt: Format, read: Callable[..., tuple[pd.DataFrame, object]]
) -> None:
    exported(snapshot, tmp_path / "x", "spells", fmt)
    frame, meta = read(str(tmp_path / "x" / f"spells.{fmt}"), apply_value_formats=True)
    plain = exported_frame(snapshot)
    assert list(frame["id"]) == list(plain["id"])
    assert list(frame["left_day"]) == list(plain["left_day"])
    assert set(frame["state"]) == {"Aktualisering", "Utredning", "Insats", "Inget öppet"}
    labels = dict(zip(meta.column_names, meta.column_labels, strict=True))  # type: ignore[attr-defined]  # untyped library
    assert labels["sex"] == "Kön"
    assert "SYNTHETIC" in meta.file_label  # type: ignore[attr-defined]  # untyped library
    assert list(frame["municipality"].unique()) == ["0180"]
    assert frame["legal_basis"].isna().all()


def exported_frame(snapshot: Snapshot) -> pd.DataFrame:
    return FORMS["spells"].build(material(snapshot))[0].frame


def test_every_format_holds_the_same_rows(snapshot: Snapshot, tmp_path: Path) -> None:
    for fmt in FORMS["spells"].formats:
        exported(snapshot, tmp_path / fmt, "spells", fmt)
    read = {
        "parquet": pd.read_parquet(tmp_path / "parquet" / "spells.parquet"),
        "csv.gz": pd.read_csv(tmp_path / "csv.gz" / "spells.csv.gz", dtype={"municipality": str}),
        "xlsx": pd.read_excel(
            tmp_path / "xlsx" / "spells.xlsx",
            sheet_name="Data",
            engine="openpyxl",
            dtype={"municipality": str},
        ),
        "dta": pyreadstat.read_dta(str(tmp_path / "dta" / "spells.dta"))[0],
        "sav": pyreadstat.read_sav(str(tmp_path / "sav" / "spells.sav"))[0],
    }
    for name in (
        "id",
        "municipality",
        "entered_day",
        "left_day",
        "left_step",
        "age_at_entry",
        "left_assumed",
    ):
        columns = {fmt: [None if pd.isna(v) else v for v in frame[name]] for fmt, frame in read.items()}
        assert all(values == columns["parquet"] for values in columns.values()), name
    assert list(read["csv.gz"]["state"]) == list(read["xlsx"]["state"]) == list(read["parquet"]["state"])


def test_equal_rows_are_equal_bytes(snapshot: Snapshot, tmp_path: Path) -> None:
    for fmt in ("csv.gz", "parquet"):
        one, other = (exported(snapshot, tmp_path / f"{fmt}{n}", "timeline", fmt) for n in (1, 2))
        assert one.digest == other.digest


def test_the_manifest_names_every_file_with_its_hash(snapshot: Snapshot, tmp_path: Path) -> None:
    import hashlib

    made = exported(snapshot, tmp_path / "x", "timeline", "csv.gz")
    told = json.loads((tmp_path / "x" / "manifest.json").read_text())
    assert hashlib.sha256((tmp_path / "x" / "manifest.json").read_bytes()).digest() == made.digest
    files = {str(path.relative_to(tmp_path / "x")) for path in (tmp_path / "x").rglob("*") if path.is_file()}
    assert set(told["files"]) == files - {"manifest.json"} == {
        "README.txt", "codebook.csv", "events.csv.gz", "intervals.csv.gz"
    }  # fmt: skip
    for name, about in told["files"].items():
        assert hashlib.sha256((tmp_path / "x" / name).read_bytes()).hexdigest() == about["sha256"]
    assert told["synthetic"] is True
    assert told["disclosure"] == "not disclosure-controlled"
    assert told["persons"] == 2


def test_the_codebook_tells_every_column_and_code(snapshot: Snapshot, tmp_path: Path) -> None:
    for form, fmt in TRIED:
        out = tmp_path / f"{form.name}-{fmt}"
        exported(snapshot, out, form.name, fmt)
        if fmt is Format.XLSX:
            book = pd.read_excel(out / "codebook.xlsx", sheet_name="Data", engine="openpyxl")
        else:
            book = pd.read_csv(out / "codebook.csv", encoding="utf-8-sig", keep_default_na=False)
        columns = book[book["kind"].notna() & (book["kind"] != "")]
        assert (columns["meaning"].str.len() > 3).all()
        tables = FORMS[form.name].build(material(snapshot))
        for table in (fitting(one, fmt) for one in tables):
            told = columns.loc[columns["table"] == table.name, "column"]
            assert list(told) == [str(name) for name in table.frame.columns]
    state = book[(book["column"] == "state") & (book["value"] == "referral")]
    assert list(state["value_sv"]) == ["Aktualisering"]


def test_text_never_starts_a_formula(tmp_path: Path, snapshot: Snapshot) -> None:
    spec = parse_cohort(
        'name: c\nentry: {event: first_referral}\ncovariates: {sex: {categories: {"=1+1": [girl]}}}\n'
    )
    cohort = draw(snapshot, spec, tmp_path / "cohort")
    made = read_material(snapshot, cohort, names("p"), exact=False)
    order = Order("p", *form_for("spells", "csv.gz"))
    write_export(order, made, tmp_path / "x", lambda done: None)
    rows = pd.read_csv(tmp_path / "x" / "spells.csv.gz")
    assert set(rows["sex"]) == {"'=1+1"}
    assert '"=1+1' not in (tmp_path / "x" / "codebook.csv").read_text(encoding="utf-8-sig")


def test_a_worksheet_too_small_is_refused() -> None:
    table = described("flow", pd.DataFrame({"count": np.ones(1_048_576, "int64")}))
    with pytest.raises(UsageError, match=r"flow has 1048576 rows.*1048575"):
        fitting(table, Format.XLSX)
    assert fitting(table, Format.CSV) is table
    shorter = replace(table, frame=table.frame.iloc[1:])
    assert fitting(shorter, Format.XLSX) is shorter


@pytest.mark.parametrize(
    ("form", "fmt"), [("meds", "dta"), ("eventlog", "sav"), ("spells", "json"), ("x", "csv.gz")]
)
def test_what_does_not_exist_is_refused_with_what_does(form: str, fmt: str) -> None:
    with pytest.raises(UsageError, match=r"eventlog: parquet, csv\.gz, xlsx; meds: parquet"):
        form_for(form, fmt)


def test_nothing_leaves_when_the_ledger_refuses(snapshot: Snapshot, tmp_path: Path) -> None:
    def refuse(made: Made) -> None:
        raise UsageError("no ledger")

    order = Order("p", *form_for("spells", "csv.gz"))
    with pytest.raises(UsageError, match="no ledger"):
        write_export(order, material(snapshot), tmp_path / "x", refuse)
    assert list(tmp_path.iterdir()) == []


def test_another_folder_is_not_overwritten(snapshot: Snapshot) -> None:
    with pytest.raises(UsageError, match="not an export"):
        exported(snapshot, snapshot.folder, "spells", "csv.gz")
    assert Snapshot.open(snapshot.folder).manifest == snapshot.manifest


def test_an_empty_cohort_is_an_export_like_any_other(snapshot: Snapshot, tmp_path: Path) -> None:
    spec = parse_cohort("name: none\nentry: {event: first_referral, from: 2030-01-01, to: 2030-12-31}\n")
    cohort = draw(snapshot, spec, tmp_path / "cohort")
    made = read_material(snapshot, cohort, names("p"), exact=False)
    for form, fmt in TRIED:
        order = Order("p", form, fmt)
        done = write_export(order, made, tmp_path / f"{form.name}-{fmt}", lambda done: None)
        assert done.persons == 0


def test_entries_of_a_child_are_persons_of_their_own(snapshot: Snapshot, tmp_path: Path) -> None:
    spec = parse_cohort("name: each\nentry: {event: closed, which: each}\n")
    cohort = draw(snapshot, spec, tmp_path / "cohort")
    made = read_material(snapshot, cohort, names("p"), exact=False)
    ann = made.people[made.people["child"] == names("p").subject(ANN)]
    assert list(ann["id"]) == [f"{names('p').subject(ANN)}.{n}" for n in (1, 2)]
    rows = intervals(made).frame
    assert (rows.groupby("id")["tstart"].min() < 1).all()


@pytest.mark.parametrize("name", ["id", "child", "status", "event"])
def test_a_covariate_cannot_take_the_place_of_a_column(snapshot: Snapshot, tmp_path: Path, name: str) -> None:
    spec = parse_cohort(
        f"name: c\nentry: {{event: first_referral}}\ncovariates: {{{name}: {{source: sex}}}}\n"
    )
    cohort = draw(snapshot, spec, tmp_path)
    with pytest.raises(UsageError, match=name):
        read_material(snapshot, cohort, names("p"), exact=False)


def test_within_municipalities_each_place_is_followed_by_itself(tmp_path: Path) -> None:
    here = [stay(ANN, 1, "referral", (0, 0), (9, 1), to="closed")]
    begun = {"municipality": "1480", "episode_entered_on": FIRST + timedelta(4)}
    there = [stay(ANN, 1, "referral", (4, 0), (20, 1), to="closed", **begun)]
    two = small_snapshot(tmp_path / "s", spells=here + there, coverage=covered("0180", "1480"))
    made = material(two)
    me = names("p").subject(ANN)
    assert list(made.people["id"]) == [f"{me}.0180", f"{me}.1480"]
    assert list(made.people["child"]) == [me, me]
    assert list(intervals(made).frame["tstart"]) == [0, 0]
    assert FORMS["flowtable"].build(made)[0].frame["count"].sum() == 4

"""The feedback workbook: answers first, counts right, shows what may be shown and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.findings import Finding, Severity
from tracker.domain.periods import Period
from tracker.publish.discretion import HIDDEN, shape_only, without_ids, wording
from tracker.publish.feedback import CodeReading, Feedback, write_feedback
from tracker.publish.feedback_flow import may_be_shown
from tracker.publish.feedback_tables import MOST_FINDINGS, MOST_OF_A_RULE, listed_findings
from tracker.publish.feedback_words import answer, error_groups, next_steps
from tracker.publish.swedish import counted, number, percent

STAMP = {
    "position": "48211",
    "as_of": "2026-01-31T10:00:00",
    "codebook": "3f9a1c+2",
    "definition": "flow/1",
    "software": "tracker 0.1.0",
    "synthetic": "yes",
}
CANARIES = (
    "201301982384",
    "20130198-2384",
    "130158-2384",
    "130198+2384",
    "２０１３０１９８２３８４",
    "2013-01-98 2384",
)


def finding(
    rule: str = "REF-001", severity: Severity = Severity.ERROR, row: int = 14, **more: Any
) -> Finding:
    return Finding(rule, severity, "Inkom datum saknas.", "Fyll i datumet.", "Blad1", row, "C", **more)


def flow(**columns: Any) -> pd.DataFrame:
    base = {
        "block": ["linkable"] * 3,
        "step": ["received", "investigation", "returned"],
        "class": ["received", "opened", "yes"],
        "label_sv": ["Inkomna aktualiseringar", "Utredning inledd", "Återaktualiserad inom ett år"],
        "unit": ["referrals", "referrals", "children"],
        "count": pd.array([812, 330, None], dtype="Int64"),
        "share_step": [float("nan"), 0.4064, float("nan")],
        "status_step": ["not_applicable", "value", "too_recent"],
        "median_days_among_completed": [float("nan"), 12.0, float("nan")],
    }
    return pd.DataFrame({**base, **columns})


def group(**columns: Any) -> pd.DataFrame:
    return flow(
        **{
            "children": [9000, 4000, 50],
            "municipalities": [12, 12, 12],
            "share_step": [None, 0.3811, 0.2],
            **columns,
        }
    )


@pytest.fixture
def feedback() -> Feedback:
    return Feedback(
        municipality="1780",
        municipality_name="Karlstad",
        delivery_no=17,
        file_name="aktualiseringar.xlsx",
        record_type_label="Aktualiseringar",
        period=Period(date(2023, 1, 1), date(2023, 12, 31)),
        full=True,
        extracted_on=date(2024, 2, 3),
        state=DeliveryState.LOADED,
        outcome_counts={Outcome.APPENDED: 1200, Outcome.QUARANTINED: 23, Outcome.SET_ASIDE: 2},
        set_aside_rules={"older_extract": 2},
        findings=[
            finding("REF-009", Severity.WARNING, fields=("received_on",)),
            *(finding(row=n, fields=("received_on",), found="tom cell") for n in range(5, 28)),
        ],
        readings=[
            CodeReading("action", "Åtgärd", "=Utr inleds", 412, "C1", "Utredning inleds"),
            CodeReading("reasons", "Orsak", "Oro hemsit", 4),
        ],
        own_flow=flow(),
        group_flow=group(),
        stamp=STAMP,
        field_labels={"received_on": "Inkom datum"},
    )


def reopened(path: Path) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(path)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def written(feedback: Feedback, folder: Path) -> dict[str, list[list[Any]]]:
    return reopened(write_feedback(folder / "feedback.xlsx", feedback))


def below(rows: list[list[Any]], header: str) -> list[list[Any]]:
    start = next(n for n, row in enumerate(rows) if row[0] == header)
    return rows[start + 1 :]


def test_the_first_line_answers_whether_the_file_is_used(feedback: Feedback, tmp_path: Path) -> None:
    sheets = written(feedback, tmp_path)
    assert list(sheets) == ["Sammanfattning", "Fel och varningar", "Så läste vi era koder", "Ert flöde"]
    summary = sheets["Sammanfattning"]
    assert summary[0][:2] == ["Kommer filen att användas?", "Delvis"]
    assert (
        summary[1][1]
        == "1\u00a0200 av 1\u00a0225\u00a0rader används. 23\u00a0rader är stoppade tills felen är rättade."
    )
    assert summary[2][0] == "SYNTETISKA DATA – inga verkliga barn"


def test_rows_are_accounted_for_in_numbers(feedback: Feedback, tmp_path: Path) -> None:
    told = below(written(feedback, tmp_path)["Sammanfattning"], "Vad hände med raderna")
    counts = {row[0]: row[1] for row in told[:7]}
    assert counts == {
        "Nya rader": 1200,
        "Ändrade rader": 0,
        "Oförändrade rader": 0,
        "Stoppade rader": 23,
        "Undantagna rader": 2,
        "    varav äldre uttag": 2,
        "Summa rader i filen": 1225,
    }
    assert "(1,9\u00a0% av raderna)" in told[3][2]


def test_the_most_common_error_comes_first_and_says_what_to_do(feedback: Feedback, tmp_path: Path) -> None:
    told = below(written(feedback, tmp_path)["Sammanfattning"], "De vanligaste felen")
    assert told[0] == ["Stoppar raden · REF-001", 23, "Inkom datum saknas.\nSå här gör ni: Fyll i datumet."]
    assert told[1][:2] == ["Kontrollera · REF-009", 1]


@pytest.mark.parametrize(
    ("state", "counts", "word", "why"),
    [
        (DeliveryState.LOADED, {Outcome.APPENDED: 1}, "Ja", "Den enda raden används."),
        (
            DeliveryState.LOADED,
            {Outcome.APPENDED: 2, Outcome.CORRECTED: 1},
            "Ja",
            "Alla 3\u00a0rader används.",
        ),
        (
            DeliveryState.LOADED,
            {Outcome.UNCHANGED: 3},
            "Ja",
            "Alla 3\u00a0rader innehåller det ni redan har lämnat. Inget ändras.",
        ),
        (DeliveryState.LOADED, {Outcome.APPENDED: 2, Outcome.SET_ASIDE: 1}, "Ja", "1\u00a0rad är undantagen"),
        (
            DeliveryState.LOADED,
            {Outcome.APPENDED: 2, Outcome.QUARANTINED: 1},
            "Delvis",
            "1\u00a0rad är stoppad tills felet är rättat.",
        ),
        (DeliveryState.LOADED, {Outcome.QUARANTINED: 4}, "Nej", "Ingen av 4\u00a0rader kunde användas."),
        (DeliveryState.LOADED, {Outcome.QUARANTINED: 1}, "Nej", "Den enda raden kunde inte användas."),
        (DeliveryState.LOADED, {}, "Ja", "inte finns några uppgifter för perioden"),
        (DeliveryState.REJECTED, {}, "Nej", "kunde inte läsas"),
        (
            DeliveryState.HELD,
            {},
            "Väntar på bekräftelse",
            "1\u00a0234\u00a0uppgifter av 10\u00a0021 (12,3\u00a0%)",
        ),
        (DeliveryState.RECEIVED, {}, "Väntar på inläsning", "ännu inte inläst"),
    ],
)
def test_every_fate_has_its_answer(
    feedback: Feedback, state: DeliveryState, counts: dict[Outcome, int], word: str, why: str
) -> None:
    told = answer(replace(feedback, state=state, outcome_counts=counts, retracted=1234, covered=10_021))
    assert told.word == word
    assert why in told.why


def test_a_dismissed_delivery_is_not_called_unreadable(feedback: Feedback, tmp_path: Path) -> None:
    said = Finding("dismissed", Severity.FATAL, "Vi använder inte leveransen: enheten Norr saknas")
    dismissed = replace(
        feedback, state=DeliveryState.REJECTED, findings=[said], retracted=3, covered=20, readings=[]
    )
    told = answer(dismissed)
    assert told.word == "Nej"
    assert "3\u00a0uppgifter av 20" in told.why and "Inget är ändrat." in told.why
    assert "även om den skickas igen" in next_steps(dismissed)[1]
    shown = str(written(dismissed, tmp_path))
    assert "enheten Norr saknas" in shown
    assert "Uppgifter som skulle tas bort" in shown and "Uppgifter som tas bort" not in shown


def test_an_empty_addition_is_not_used(feedback: Feedback) -> None:
    assert answer(replace(feedback, outcome_counts={}, full=False)).word == "Nej"


def test_next_steps_fit_what_happened(feedback: Feedback) -> None:
    steps = next_steps(feedback)
    assert [step.split(" ")[0] for step in steps] == ["Rätta", "Gör", "Se", "1\u00a0formulering"]
    clean = replace(feedback, findings=[], readings=[], outcome_counts={Outcome.APPENDED: 1})
    assert next_steps(clean) == ["Inget behöver göras. Tack för leveransen!"]
    assert "leverans 17 ska användas" in next_steps(replace(feedback, state=DeliveryState.HELD))[1]


def test_findings_stand_where_the_sender_sees_them(feedback: Feedback, tmp_path: Path) -> None:
    rows = written(feedback, tmp_path)["Fel och varningar"]
    header, first = rows[3], rows[4]
    assert header[:6] == ["Allvar", "Regel", "Blad", "Excel-rad", "Kolumn", "Fält"]
    assert first[:6] == ["Stoppar raden", "REF-001", "Blad1", 5, "C", "Inkom datum"]
    assert [row[3] for row in rows[4:27]] == list(range(5, 28))
    assert rows[27][1] == "REF-009"


def test_no_findings_and_a_rejected_file_still_make_a_workbook(feedback: Feedback, tmp_path: Path) -> None:
    rejected = replace(
        feedback,
        state=DeliveryState.REJECTED,
        outcome_counts={},
        set_aside_rules={},
        findings=[],
        readings=[],
        own_flow=None,
        group_flow=None,
        period=None,
        extracted_on=None,
        record_type_label="",
    )
    sheets = written(rejected, tmp_path)
    assert sheets["Sammanfattning"][0][1] == "Nej"
    assert ["Inga rader är inlästa.", None, None] in sheets["Sammanfattning"]
    assert sheets["Fel och varningar"][4][0] == "Inga fel eller varningar."
    assert sheets["Ert flöde"][4][0] == "Flödet visas när uppgifter från er kommun är inlästa."


def test_ten_thousand_findings_are_capped_aloud_and_no_rule_crowds_out_another(
    feedback: Feedback, tmp_path: Path
) -> None:
    many = [finding(f"R-{n % 9}" if n < 9_999 else "R-RARE", row=n) for n in range(10_000)]
    rows = written(replace(feedback, findings=many), tmp_path)["Fel och varningar"]
    listed = [row for row in rows[4:] if row[1]]
    assert len(listed) == MOST_FINDINGS
    assert (
        rows[-1][0]
        == "… och ytterligare 5\u00a0000 fynd som inte får plats här. Antal per regel står i Sammanfattning."
    )
    few = listed_findings([finding("R-COMMON", row=n) for n in range(9_999)] + [finding("R-RARE")])
    assert len(few) == MOST_OF_A_RULE + 1
    assert few[-1].rule == "R-RARE"


def test_what_stops_the_file_comes_before_what_is_common() -> None:
    groups = error_groups(
        [finding("A", Severity.INFO, count=99), finding("B"), finding("B"), finding("C", Severity.FATAL)]
    )
    assert [(group.example.rule, group.count) for group in groups] == [("C", 1), ("B", 2), ("A", 99)]


def test_one_rule_about_two_columns_is_two_kinds_of_error() -> None:
    of_dates = [finding("CELL-101", fields=("received_on",)), finding("CELL-101", fields=("received_on",))]
    of_ages = [finding("CELL-101", Severity.WARNING, fields=("age",))]
    groups = error_groups([*of_ages, *of_dates])
    assert [(group.example.fields, group.count) for group in groups] == [(("received_on",), 2), (("age",), 1)]


def test_codes_show_the_senders_words_unknown_first(feedback: Feedback, tmp_path: Path) -> None:
    rows = written(feedback, tmp_path)["Så läste vi era koder"][4:]
    assert rows[0] == ["Orsak", "Oro hemsit", 4, "Okänd – inte översatt ännu", None]
    assert rows[1] == ["Åtgärd", "=Utr inleds", 412, "Utredning inleds", "C1"]


def test_nothing_written_is_a_formula(feedback: Feedback, tmp_path: Path) -> None:
    nasty = '=HYPERLINK("http://x")'
    risky = replace(
        feedback,
        file_name=nasty,
        municipality_name=nasty,
        findings=[finding(found=nasty, expected="@x", fields=("received_on",))],
        readings=[CodeReading("action", nasty, nasty, 1)],
    )
    book = openpyxl.load_workbook(write_feedback(tmp_path / "f.xlsx", risky))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert nasty in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert not any(cell.hyperlink for cell in cells)


@pytest.mark.parametrize("canary", CANARIES)
def test_no_identity_gets_in_whatever_the_caller_hands_over(
    feedback: Feedback, canary: str, tmp_path: Path
) -> None:
    leaky = replace(
        feedback,
        file_name=f"anmälan {canary}.xlsx",
        municipality_name=f"K {canary}",
        findings=[
            Finding(
                "X-1",
                Severity.ERROR,
                f"Fel {canary}",
                f"Rätta {canary}",
                f"{canary}",
                1,
                expected=canary,
                found=canary,
            ),
            finding("X-2", fields=("child",), found="Kalle Karlsson"),
            finding("X-3", fields=("note",), found="mamma ringde om oro"),
        ],
        readings=[
            CodeReading("reasons", "Orsak", f"oro {canary}", 1),
            CodeReading("action", "Åtgärd", "långt " * 40, 1),
        ],
    )
    path = write_feedback(tmp_path / "f.xlsx", leaky)
    told = " ".join(str(cell) for rows in reopened(path).values() for row in rows for cell in row)
    properties = str(openpyxl.load_workbook(path).properties)
    digits = "".join(filter(str.isdigit, canary))
    for text in (told, properties):
        assert canary not in text
        assert digits not in text
    for free in ("Kalle", "mamma", "långt långt"):
        assert free not in told
    assert HIDDEN in told


def test_dates_and_figures_are_not_taken_for_identities() -> None:
    for text in (
        "2023-01-01 2023-12-31",
        "2023-03-01 00:00:00",
        "1 234 567 rader",
        "20230301",
        "9 siffror",
        "Blad1",
    ):
        assert without_ids(text) == text


def test_only_shapes_of_protected_cells_are_told() -> None:
    assert shape_only("9 siffror") == "9 siffror"
    assert shape_only("10 siffror, bindestreck") == "10 siffror, bindestreck"
    assert shape_only("text") == "text"
    assert shape_only("") == ""
    for text in ("Kalle", "kalle bor hos mormor", "130198-2384", "1 3 0 1 9 8 2"):
        assert shape_only(text) == HIDDEN
    assert wording("a" * 81, known=True) == "a" * 81
    assert "81 tecken" in wording("a" * 81, known=False)


def test_own_flow_stands_beside_a_rounded_group(feedback: Feedback, tmp_path: Path) -> None:
    rows = written(feedback, tmp_path)["Ert flöde"][4:]
    assert rows[1] == [
        "Utredning inledd",
        "aktualiseringar",
        "barn med id",
        330,
        0.4064,
        "–",
        12,
        0.38,
        "–",
        12,
        12,
    ]
    assert rows[2][3:5] == ["–", "för nytt för att veta"]


@pytest.mark.parametrize(
    ("children", "municipalities", "shown"),
    [(10, 5, True), (9, 5, False), (10, 4, False), (None, 5, False), (10, None, False), (pd.NA, 12, False)],
)
def test_group_figures_need_ten_children_in_five_municipalities(
    feedback: Feedback, tmp_path: Path, children: Any, municipalities: Any, shown: bool
) -> None:
    small = group(children=[9000, children, 50], municipalities=[12, municipalities, 12])
    rows = written(replace(feedback, group_flow=small), tmp_path)["Ert flöde"][4:]
    assert (rows[1][7] == 0.38) is shown
    assert (rows[1][7:] == ["visas inte"] * 4) is not shown
    assert rows[1][3] == 330


def test_a_group_that_does_not_say_what_it_rests_on_is_not_shown(feedback: Feedback, tmp_path: Path) -> None:
    bare = group().drop(columns=["children", "municipalities"])
    rows = written(replace(feedback, group_flow=bare), tmp_path)["Ert flöde"][4:]
    assert all(row[7:] == ["visas inte"] * 4 for row in rows)
    assert not may_be_shown({})


def test_sheets_are_set_up_for_reading_and_print(feedback: Feedback, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_feedback(tmp_path / "f.xlsx", feedback))
    for name in book.sheetnames[1:]:
        sheet = book[name]
        assert sheet.freeze_panes == "A5"
        assert sheet.auto_filter.ref.startswith("A4:")
        assert sheet.print_title_rows == "$4:$4"
        assert sheet.page_setup.orientation == "landscape"
        assert "SYNTETISKA DATA" in sheet["A3"].value
    footer: Any = book["Ert flöde"].oddFooter
    assert "inte röjandekontrollerad" in footer.left.text
    assert book["Fel och varningar"]["G5"].alignment.wrap_text


def test_equal_feedback_is_equal_bytes_and_needs_a_stamp(feedback: Feedback, tmp_path: Path) -> None:
    paths = [write_feedback(tmp_path / name, feedback) for name in ("a.xlsx", "b.xlsx")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with pytest.raises(ValueError, match="lacks position"):
        write_feedback(tmp_path / "c.xlsx", replace(feedback, stamp={**STAMP, "position": ""}))
    assert not (tmp_path / "c.xlsx").exists()


def test_numbers_are_swedish() -> None:
    assert number(1234567) == "1\u00a0234\u00a0567"
    assert number(-5) == "−5"
    assert percent(123, 1000) == "12,3\u00a0%"
    assert percent(1, 100_000) == "mindre än 0,1\u00a0%"
    assert percent(99_999, 100_000) == "mer än 99,9\u00a0%"
    assert percent(5, 5) == "100,0\u00a0%"
    assert counted(1, "rad", "rader") == "1\u00a0rad"
    assert counted(0, "rad", "rader") == "0\u00a0rader"

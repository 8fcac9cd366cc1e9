"""Recognition in ordinary mess: titles, sheets, headers, sums, merges, formulas, municipalities."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests import intake_corpus as corpus
from tests.intake_corpus import HEADERS, referral_rows
from tracker.domain.delivery import Extract
from tracker.domain.errors import RejectedFile
from tracker.domain.findings import Finding, Severity
from tracker.domain.periods import Period
from tracker.harmonise.claims import claim
from tracker.intake.aliases import read_aliases
from tracker.intake.extract import extract
from tracker.intake.sidecar import Sidecar

YEAR = Sidecar(
    record_type="referrals",
    period=Period(date(2023, 1, 1), date(2023, 12, 31)),
    full=True,
    extracted_on=date(2024, 1, 15),
)


def _read(content: bytes, sidecar: Sidecar | None = YEAR, name: str = "uttag.xlsx") -> Extract:
    return extract(name, content, "0180", sidecar)


def _rules(delivered: Extract) -> set[str]:
    return {finding.rule for finding in delivered.findings}


def _found(delivered: Extract, rule: str) -> Finding:
    (found,) = [finding for finding in delivered.findings if finding.rule == rule]
    return found


def _refused(content: bytes, sidecar: Sidecar | None = YEAR, name: str = "uttag.xlsx") -> RejectedFile:
    with pytest.raises(RejectedFile) as refused:
        extract(name, content, "0180", sidecar)
    return refused.value


def test_a_plain_workbook_is_read_cell_by_cell() -> None:
    rows = referral_rows(40)
    delivered = _read(corpus.xlsx([HEADERS, *rows]))
    names = ["child", "received_on", "sex", "age", "referral_type", "reasons", "action"]
    assert [list(delivered.columns[name].cells) for name in names] == [
        list(c) for c in zip(*rows, strict=True)
    ]
    assert list(delivered.row_numbers) == list(range(2, 42))
    assert {name: delivered.columns[name].letter for name in names} == dict(
        zip(names, "ABCDEFG", strict=True)
    )
    assert (delivered.sheet, delivered.set_aside, delivered.unrecognised) == ("Data", {}, ())
    assert delivered.note.full and delivered.note.extracted_on == date(2024, 1, 15)
    assert all(finding.severity is Severity.INFO for finding in delivered.findings)


def test_xls_and_xlsx_of_the_same_rows_are_the_same() -> None:
    rows = [HEADERS, *referral_rows(30)]
    new, old = _read(corpus.xlsx(rows)), _read(corpus.xls(rows), name="uttag.xls")
    for name, column in new.columns.items():
        assert list(column.cells) == list(old.columns[name].cells)


def test_cells_keep_their_kinds() -> None:
    cells = [12.0, 12.5, True, "  ", "x", date(2023, 5, 1), datetime(2023, 5, 1, 10, 30), None, 2**53, "0012"]
    rows: list[list[object]] = [["Kön", "Inkom datum", "Aktualiseringstyp"]]
    rows += [[cell, date(2023, 5, 1), "Anmälan"] for cell in cells]
    delivered = _read(corpus.xlsx(rows))
    got = delivered.columns["sex"].cells
    assert list(got) == [12, 12.5, True, None, "x", cells[5], cells[6], None, 2**53, "0012"]
    assert [type(cell) for cell in got[:3]] == [int, float, bool]


def test_title_rows_above_the_headers_are_passed_over_and_said() -> None:
    content = corpus.delivery(5, before=[["Aktualiseringar 2023"], [], ["Framtaget av enheten", "", "Kön"]])
    delivered = _read(content)
    assert list(delivered.row_numbers) == [5, 6, 7, 8, 9]
    assert _found(delivered, "FILE-035").row == 4


def test_blank_rows_are_no_rows_and_numbers_stay_excels() -> None:
    rows = referral_rows(4)
    delivered = _read(corpus.xlsx([HEADERS, rows[0], [], rows[1], ["", "", "  "], rows[2], rows[3]]))
    assert list(delivered.row_numbers) == [2, 4, 6, 7]
    assert delivered.columns["sex"].cells == ["Flicka", "Pojke", "Flicka", "Pojke"]


def test_a_row_without_its_day_is_still_a_row() -> None:
    rows = [*referral_rows(3), ["20150101-9808", None, "F", 3, "Anmälan", "x", None]]
    delivered = _read(corpus.xlsx([HEADERS, *rows]))
    assert len(delivered.row_numbers) == 4 and delivered.set_aside == {}


@pytest.mark.parametrize(
    "last",
    [
        ["Summa", None, None, 17],
        ["Totalt", 5],
        [None, None, None, 42],
        [5],
        ["Antal: ", 5],
        ["Summa aktualiseringar", "5 st", None, 3],
        ["TOTAL", 1, 2, 3, 4, 5, 6],
    ],
)
def test_sum_rows_are_set_aside_by_name(last: list[object]) -> None:
    delivered = _read(corpus.delivery(5, after=[last]))
    assert dict(delivered.set_aside) == {5: "sum_row"}
    assert (_found(delivered, "FILE-042").row, _found(delivered, "FILE-042").found) == (7, "rad 7")


def test_a_footer_below_a_sum_is_set_aside() -> None:
    delivered = _read(corpus.delivery(3, after=[["Summa", 3], [], ["Utskriven av systemet"]]))
    assert dict(delivered.set_aside) == {3: "sum_row", 4: "footer_row"}


def test_no_data_row_is_mistaken_for_a_sum() -> None:
    rows = referral_rows(2)
    rows[1] = [None, date(2023, 2, 2), None, None, "Anmälan", "Total avsaknad av omsorg", None]
    assert _read(corpus.xlsx([HEADERS, *rows])).set_aside == {}
    alone = ["201503319814", None, None, None, None, None, None]
    assert _read(corpus.xlsx([HEADERS, rows[0], alone])).set_aside == {}
    only_day = [None, date(2023, 2, 2), None, None, None, None, None]
    assert _read(corpus.xlsx([HEADERS, rows[0], only_day])).set_aside == {}


def test_repeated_headers_are_set_aside() -> None:
    rows = referral_rows(4)
    delivered = _read(corpus.xlsx([HEADERS, *rows[:2], HEADERS, *rows[2:]]))
    assert dict(delivered.set_aside) == {2: "header_row"}


def test_the_best_sheet_is_chosen_and_said() -> None:
    sheets = {"Info": [["Läs mig"], ["Kön"]], "Rådata": [HEADERS, *referral_rows(4)], "Diagram": [[1, 2]]}
    delivered = _read(corpus.xlsx_sheets(sheets))
    assert delivered.sheet == "Rådata" and "Rådata" in _found(delivered, "FILE-034").message


def test_a_second_sheet_of_rows_is_a_warning_and_refused_for_a_full_period() -> None:
    content = corpus.xlsx_sheets({n: [HEADERS, *referral_rows(3)] for n in ("Q1", "Q2")})
    found = _found(_read(content, Sidecar()), "FILE-046")
    assert (found.severity, found.sheet) == (Severity.WARNING, "Q2")
    assert _refused(content).rule == "FILE-047"


def test_missing_required_headers_are_named_with_those_found() -> None:
    headers = ["Personnummer", "Kön", "Åtgärd"]
    refused = _refused(corpus.xlsx([headers, ["1", "F", "x"]]))
    assert refused.rule == "FILE-031"
    for word in ("Inkom datum", "Aktualiseringstyp", "Personnummer, Kön, Åtgärd"):
        assert word in str(refused)


def test_a_file_without_reasons_loads_and_says_so() -> None:
    rows = [[cell for n, cell in enumerate(row) if n != 5] for row in [HEADERS, *referral_rows(3)]]
    found = _found(_read(corpus.xlsx(rows)), "FILE-045")
    assert "reasons" in found.fields and "Aktualiseringsorsak" in found.message


def test_an_unknown_column_is_named_with_its_letter() -> None:
    rows = [[*HEADERS, "Handläggare", None], *([*row, "x", "y"] for row in referral_rows(2))]
    delivered = _read(corpus.xlsx(rows))
    assert _found(delivered, "FILE-039").column == "H" and _found(delivered, "FILE-040").column == "I"
    assert [column.header for column in delivered.unrecognised] == ["Handläggare", ""]


def test_a_blank_column_in_between_disturbs_nothing() -> None:
    rows = [[*row[:2], None, *row[2:]] for row in [HEADERS, *referral_rows(3)]]
    delivered = _read(corpus.xlsx(rows))
    assert delivered.columns["sex"].letter == "D" and "FILE-040" not in _rules(delivered)


def test_equal_doubles_are_settled() -> None:
    rows = [[*row, row[2]] for row in referral_rows(3)]
    delivered = _read(corpus.xlsx([[*HEADERS, "Kön"], *rows]))
    assert _found(delivered, "FILE-036").severity is Severity.INFO


def test_an_empty_double_gives_way() -> None:
    rows = [[*row[:2], None, *row[3:], row[2]] for row in referral_rows(3)]
    delivered = _read(corpus.xlsx([[*HEADERS, "Kön"], *rows]))
    assert delivered.columns["sex"].letter == "H"


def test_differing_doubles_warn_and_the_closer_name_wins() -> None:
    rows = [[*row, "Okänt"] for row in referral_rows(3)]
    found = _found(_read(corpus.xlsx([[*HEADERS, "Barnets kön"], *rows])), "FILE-037")
    assert (found.column, found.severity) == ("C", Severity.WARNING)


def test_a_required_header_twice_with_different_contents_is_refused() -> None:
    rows = [[*row, date(2023, 9, 9)] for row in referral_rows(3)]
    refused = _refused(corpus.xlsx([[*HEADERS, "Inkom datum"], *rows]))
    assert refused.rule == "FILE-038" and "kolumn B och kolumn H" in str(refused)


def test_merged_cells_among_the_data_are_pointed_out() -> None:
    merges = b'</sheetData><mergeCells count="1"><mergeCell ref="C3:C5"/></mergeCells>'
    content = corpus.with_sheet(corpus.delivery(5), lambda part: part.replace(b"</sheetData>", merges))
    found = _found(_read(content), "FILE-041")
    assert (found.row, found.column, found.found) == (3, "C", "C3:C5")


def test_a_merged_title_is_nobodys_business() -> None:
    merges = b'</sheetData><mergeCells count="1"><mergeCell ref="A1:G1"/></mergeCells>'
    content = corpus.with_sheet(
        corpus.delivery(3, before=[["Titel"]]), lambda part: part.replace(b"</sheetData>", merges)
    )
    assert "FILE-041" not in _rules(_read(content))


def test_formulas_without_values_in_used_columns_refuse_the_file() -> None:
    refused = _refused(corpus.uncalculated("B3"))
    assert refused.rule == "FILE-015" and "B3" in str(refused) and "Öppna filen i Excel" in refused.remedy


def test_formulas_without_values_elsewhere_are_mentioned() -> None:
    found = _found(_read(corpus.uncalculated("K3")), "FILE-016")
    assert (found.row, found.column) == (3, "K")


def test_formula_errors_are_pointed_out() -> None:
    error = b'<row r="9"><c r="C9" t="e"><f>1/0</f><v>#DIV/0!</v></c></row></sheetData>'
    content = corpus.with_sheet(corpus.delivery(5), lambda part: part.replace(b"</sheetData>", error))
    found = _found(_read(content), "FILE-018")
    assert (found.row, found.found, found.sheet) == (9, "C9", "Data")


def test_calculated_formulas_are_values() -> None:
    formula = b'<c r="D2"><f>2+2</f><v>4</v></c>'

    def change(part: bytes) -> bytes:
        return part.replace(b'<c r="D2"><v>0</v></c>', formula)

    delivered = _read(corpus.with_sheet(corpus.delivery(2), change))
    assert delivered.columns["age"].cells[0] == 4


def test_the_record_type_is_recognised_and_said() -> None:
    delivered = _read(corpus.delivery(), None)
    assert (
        delivered.note.record_type == "referrals"
        and "Aktualiseringar" in _found(delivered, "FILE-033").message
    )


RECORDS = {
    "referrals": ["Pnr", "Inkommen", "Typ av aktualisering", "Anmälare", "Beslut förhandsbedömning"],
    "investigations": ["Personnummer", "Utredning inledd", "Utredning avslutad", "Utredningens resultat"],
    "interventions": ["Personnr", "Beslutsdatum", "Insats", "Lagrum", "Startdatum", "Slutdatum"],
    "follow_ups": ["Personnummer", "Uppföljningsdatum", "Måluppfyllelse", "Resultat"],
    "open_support": ["Personnummer", "Startmånad", "Öppen insats", "Utförare", "Boendeform"],
    "open_support_counts": ["Månad", "Öppen insats", "Kön", "Åldersgrupp", "Antal"],
    "child_facts": ["Personnummer", "Datum", "Uppgift", "Värde"],
    "municipality_facts": ["År", "Folkmängd", "Antal barn 0-17", "Årsarbetare"],
}


@pytest.mark.parametrize("record_type", RECORDS)
def test_every_record_type_is_told_by_its_headers(record_type: str) -> None:
    headers = RECORDS[record_type]
    row = [2023 if header == "År" else date(2023, 3, 1) for header in headers]
    delivered = _read(corpus.xlsx([headers, row]), None)
    assert delivered.spec.record_type == record_type
    assert len(delivered.columns) == len(headers)


def test_headers_that_fit_two_record_types_are_refused_until_declared() -> None:
    content = corpus.xlsx(
        [["Barn", "Startdatum", "Typ av insats", "Beslutsdatum"], ["1", date(2023, 1, 1), "x", None]]
    )
    delivered = _read(content, Sidecar(record_type="open_support"))
    assert delivered.spec.record_type == "open_support"
    rival = corpus.xlsx([["Barn", "Datum", "Händelsetyp"], ["1", date(2023, 1, 1), "y"]])
    refused = _refused(rival, Sidecar())
    assert refused.rule == "FILE-032" and "Ange record_type" in refused.remedy


def test_the_period_comes_from_the_sidecar_then_the_name_then_the_rows() -> None:
    content = corpus.xlsx([HEADERS, *referral_rows(24)])
    assert _read(content, YEAR, "uttag 2022.xlsx").note.period == YEAR.period
    named = _read(content, None, "Aktualiseringar helår 2023.xlsx")
    assert named.note.period == YEAR.period and "FILE-050" in _rules(named)
    seen = _read(content, None)
    assert seen.note.period == Period(date(2023, 1, 1), date(2023, 12, 24)) and "FILE-051" in _rules(seen)
    assert seen.note.extracted_on == date(2023, 12, 24) and "FILE-052" in _rules(seen)


@pytest.mark.parametrize("forever", [date(9999, 12, 31), "2099-12-31", "9999-12-31"])
def test_what_stands_for_no_end_is_not_taken_for_the_day_of_the_extract(forever: date | str) -> None:
    rows = [["1", date(2023, 1 + n, 1), "Kontaktfamilj", date(2023, 1 + n, 3), forever] for n in range(12)]
    headers = ["Barn", "Beslutsdatum", "Insatstyp", "Startdatum", "Slutdatum"]
    delivered = _read(corpus.xlsx([headers, *rows]), None)
    assert delivered.note.extracted_on == date(2023, 12, 3)
    assert claim(delivered).quarantined == {}


def test_a_name_that_the_rows_contradict_is_not_believed() -> None:
    delivered = _read(corpus.delivery(24), None, "export 2019.xlsx")
    assert delivered.note.period.first == date(2023, 1, 1)
    assert _found(delivered, "FILE-054").severity is Severity.WARNING


def test_full_holds_only_for_a_stated_period() -> None:
    delivered = _read(corpus.delivery(5), Sidecar(full=True))
    assert not delivered.note.full and _found(delivered, "FILE-056").severity is Severity.WARNING
    assert _read(corpus.delivery(5), Sidecar(full=True), "uttag 2023.xlsx").note.full
    assert not _read(corpus.delivery(5), Sidecar(), "uttag 2023.xlsx").note.full


def test_one_mistyped_year_stretches_neither_period_nor_extract_date() -> None:
    rows = referral_rows(50)
    rows[7][1], rows[8][1] = date(2091, 1, 1), date(1990, 1, 1)
    note = _read(corpus.xlsx([HEADERS, *rows]), None).note
    assert note.period.last.year == note.extracted_on.year == 2023 and note.period.first.year == 2023


def test_a_full_period_without_any_row_is_a_delivery() -> None:
    delivered = _read(corpus.xlsx([HEADERS]))
    assert len(delivered.row_numbers) == 0 and delivered.note.full
    assert _refused(corpus.xlsx([HEADERS]), Sidecar(period=YEAR.period)).rule == "FILE-017"


def test_sums_of_months_do_not_enter_the_counts() -> None:
    rows: list[list[object]] = [
        ["2023-01", "Råd", 3],
        ["2023-02", "Råd", 4],
        ["2023-02", "Totalt", 4],
        ["Summa", None, 7],
    ]
    delivered = _read(corpus.xlsx([["Månad", "Öppen insats", "Antal"], *rows]), None)
    assert dict(delivered.set_aside) == {2: "sum_row", 3: "sum_row"}
    assert delivered.note.period == Period(date(2023, 1, 1), date(2023, 2, 28))


def test_years_are_whole_years() -> None:
    delivered = _read(corpus.xlsx([["År", "Folkmängd"], [2022, 1000], [2023.0, 1100]]), None)
    assert delivered.note.period == Period(date(2022, 1, 1), date(2023, 12, 31))
    assert delivered.set_aside == {}


def test_another_municipalitys_file_is_refused_and_its_rows_set_aside() -> None:
    rows = [[*HEADERS, "Kommun"], *([*row, "Göteborgs stad"] for row in referral_rows(3))]
    refused = _refused(corpus.xlsx(rows))
    assert refused.rule == "FILE-065" and "Göteborg (1480)" in str(refused)
    rows[1][-1] = rows[2][-1] = 180
    delivered = _read(corpus.xlsx(rows))
    assert dict(delivered.set_aside) == {2: "other_municipality"}
    assert (_found(delivered, "FILE-066").row, _found(delivered, "FILE-066").column) == (4, "H")


def test_another_municipalitys_code_in_the_name_is_a_warning() -> None:
    assert "FILE-067" in _rules(_read(corpus.delivery(), name="1480_2023.xlsx"))
    assert "FILE-067" not in _rules(_read(corpus.delivery(), name="0180_2023.xlsx"))
    assert "FILE-067" not in _rules(_read(corpus.delivery(), name="2021.xlsx"))  # a year, not Vansbro


def test_a_municipalitys_own_headers() -> None:
    aliases = read_aliases(b"municipality;record_type;header;field\n0180;referrals;Ankom hit;received_on\n")
    rows = [["Ankom hit" if cell == "Inkom datum" else cell for cell in HEADERS], *referral_rows(2)]
    delivered = extract("x.xlsx", corpus.xlsx(rows), "0180", YEAR, aliases=aliases)
    assert delivered.columns["received_on"].header == "Ankom hit"
    with pytest.raises(RejectedFile):
        extract("x.xlsx", corpus.xlsx(rows), "1480", YEAR, aliases=aliases)


def test_a_workbook_wins_over_a_wrong_ending() -> None:
    for name in ("uttag.xls", "uttag.csv"):
        found = _found(_read(corpus.delivery(), name=name), "FILE-005")
        assert found.severity is Severity.INFO and ".xlsx" in found.message
    assert "FILE-005" in _rules(_read(corpus.xls([HEADERS, *referral_rows(3)]), name="uttag.xlsx"))


def test_no_finding_or_name_shows_a_national_id() -> None:
    rows = [[*HEADERS, "20150331-9814"], *([*row, "x"] for row in referral_rows(3))]
    delivered = _read(corpus.xlsx(rows), name="akt 20150331-9814 2023.xlsx")
    assert "9814" not in repr(delivered.findings) + delivered.note.file_name
    assert delivered.note.file_name == "akt ############# 2023.xlsx"


def test_the_same_file_gives_the_same_extract() -> None:
    content = corpus.delivery(30, before=[["Titel"]], after=[["Summa", 3]])
    assert _read(content, None) == _read(content, None)

"""Claims: typed columns, row rules, quarantine, and findings that never show an identity."""

from datetime import date

import pytest

from tracker.domain.delivery import Column, DeliveryNote, Extract
from tracker.domain.findings import Finding, Severity, column_letter
from tracker.domain.periods import Period
from tracker.domain.spec import CellType, ColumnSpec, EventSpec, RecordSpec, RuleSpec
from tracker.harmonise.claims import claim
from tracker.intake.spec_files import load_spec

SYNTHETIC_ID = "161127" + "9801"  # tax agency's test series
PERIOD = Period(date(2023, 1, 1), date(2023, 12, 31))


def extract(record_type="referrals", full=False, set_aside=None, spec=None, period=PERIOD, **cells):
    """An extract whose first data row is Excel row 3; columns in the order given, from A."""
    note = DeliveryNote("0180", "fil.xlsx", record_type, period, date(2024, 2, 1), full=full, system="Treva")
    columns = {n: Column(n, n, column_letter(i), values) for i, (n, values) in enumerate(cells.items())}
    rows = len(next(iter(cells.values())))
    return Extract(
        note, spec or load_spec(record_type), "Blad1", range(3, rows + 3), columns, (), set_aside or {}
    )


def referrals(**cells):
    """Referrals that break no rule unless a cell is changed."""
    rows = len(next(iter(cells.values()))) if cells else 1
    usual = {
        "child": "local-1",
        "received_on": "2023-03-01",
        "referral_type": "Anmälan",
        "action": "Utredning inleds",
        "action_on": "2023-03-10",
    }
    return {name: [cell] * rows for name, cell in usual.items()} | cells


def quarantine_rules(claims):
    return {row: [finding.rule for finding in found] for row, found in claims.quarantined.items()}


def test_columns_become_typed_and_codes_stay_as_delivered():
    claims = claim(
        extract(
            child=[" 20150331-9814 ", 1.98803e11, None],
            received_on=["1/3 2023", 44986, date(2023, 3, 1)],
            age=["8 år", 8.0, None],
            referral_type=["B anmälan ", 1.0, "  "],
            reasons=["Skola; Våld", None, "-"],
            referral_id=[17.0, " A-18", ""],
        )
    )
    assert claims.columns == {
        "child": [" 20150331-9814 ", 1.98803e11, None],
        "received_on": [date(2023, 3, 1)] * 3,
        "age": [8, 8, None],
        "referral_type": ["B anmälan ", "1", None],
        "reasons": ["Skola; Våld", None, "-"],
        "referral_id": ["17", "A-18", None],
    }
    assert claims.letters["reasons"] == "E"


def test_truth_values_are_never_numbers():
    claims = claim(
        extract("investigations", child=["a"] * 3, opened_on=["2023-03-01"] * 3, interpreter=[True, 1, False])
    )
    assert claims.columns["interpreter"] == ["SANT", "1", "FALSKT"]
    claims = claim(extract(**referrals(age=[True, 1])))
    assert claims.columns["age"] == [None, 1]


def test_an_unreadable_date_quarantines_its_row_only():
    claims = claim(extract(**referrals(received_on=["2023-03-01", "03/04/2023", "i våras"])))
    assert quarantine_rules(claims) == {1: ["CELL-102"], 2: ["CELL-101"]}
    (finding,) = claims.quarantined[1]
    assert finding == Finding(
        rule="CELL-102",
        severity=Severity.ERROR,
        message="Datumet i kolumnen Inkom datum kan läsas på flera sätt.",
        remedy="Dag och månad går inte att skilja åt. Skriv datumet som ÅÅÅÅ-MM-DD, till exempel 2023-03-01.",
        sheet="Blad1",
        row=4,
        column="B",
        fields=("received_on",),
        expected="ett datum, helst ÅÅÅÅ-MM-DD",
        found="99/99/9999",
    )


def test_an_unreadable_cell_that_places_nothing_is_dropped_with_a_warning():
    claims = claim(extract(**referrals(age=["åtta"])))
    assert claims.quarantined == {}
    assert claims.columns["age"] == [None]
    (finding,) = claims.findings
    assert (finding.rule, finding.severity, finding.row) == ("CELL-101", Severity.WARNING, 3)
    assert finding.message == "Värdet i kolumnen Ålder går inte att läsa. Raden läses in utan det värdet."


def test_a_damaged_source_id_is_dropped_with_a_warning():
    claims = claim(extract(**referrals(case_id=["1.98803E+11"])))
    assert claims.columns["case_id"] == [None]
    assert [finding.rule for finding in claims.findings] == ["CELL-104"]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"received_on": [None]}, "REF-101"),
        ({"action_on": ["2023-02-28"]}, "REF-103"),
        ({"received_on": ["2024-02-02"], "action_on": [None], "action": [None]}, "REF-104"),
        ({"action_on": ["2024-02-02"]}, "REF-105"),
        ({"age": [21]}, "REF-107"),
    ],
)
def test_errors_quarantine(changed, rule):
    claims = claim(extract(**referrals(**changed)))
    assert quarantine_rules(claims) == {0: [rule]}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"referral_type": [" "]}, "REF-102"),
        ({"child": [None]}, "REF-108"),
        ({"action_on": [None]}, "REF-109"),
        ({"action": [None]}, "REF-110"),
        ({"birth_date": ["2005-03-01"]}, "REF-111"),
        ({"birth_date": ["2023-05-01"]}, "REF-112"),
    ],
)
def test_warnings_leave_the_row(changed, rule):
    claims = claim(extract(**referrals(**changed)))
    assert claims.quarantined == {}
    assert [finding.rule for finding in claims.findings] == [rule]


def test_a_finding_names_all_fields_and_what_was_expected_and_found():
    claims = claim(extract(**referrals(action_on=["2023-02-28"])))
    (finding,) = claims.quarantined[0]
    assert finding.fields == ("action_on", "received_on")
    assert finding.expected == "Åtgärdsdatum tidigast samma dag som Inkom datum"
    assert finding.found == "Åtgärdsdatum: 2023-02-28; Inkom datum: 2023-03-01"
    assert (finding.sheet, finding.row, finding.column) == ("Blad1", 3, "E")


def test_the_period_binds_only_a_full_delivery():
    outside = referrals(received_on=["2022-12-31"], action_on=["2023-01-05"])
    assert quarantine_rules(claim(extract(**outside))) == {}
    assert quarantine_rules(claim(extract(full=True, **outside))) == {0: ["REF-106"]}


def test_a_month_belongs_to_the_period_it_begins_in():
    period = Period(date(2023, 3, 15), date(2023, 12, 31))
    claims = claim(
        extract(
            "open_support_counts",
            full=True,
            period=period,
            month=["2023-02", "2023-03", "2023-12", "2024-01"],
            support_type=["Föräldrastöd"] * 4,
            started=[1, "2", 3, 4],
        )
    )
    assert quarantine_rules(claims) == {0: ["SUC-106"], 3: ["SUC-106"]}
    assert claims.columns["started"] == [1, 2, 3, 4]


def test_an_unreadable_cell_is_not_also_called_missing():
    claims = claim(extract("open_support_counts", month=["2023-03"], support_type=["x"], started=["<5"]))
    assert quarantine_rules(claims) == {0: ["CELL-101"]}


def test_a_repeated_source_id_is_told_on_each_repeat():
    claims = claim(extract(**referrals(referral_id=["A-1", "A-2", "A-1", None, None, "A-1"])))
    assert [(finding.rule, finding.row) for finding in claims.findings] == [("REF-113", 5), ("REF-113", 8)]


def test_rows_set_aside_are_not_checked():
    claims = claim(extract(set_aside={1: "sum_row"}, **referrals(received_on=["2023-03-01", "Summa"])))
    assert claims.quarantined == {}
    assert claims.findings == []
    assert claims.set_aside == {1: "sum_row"}


@pytest.mark.parametrize("field", ["note", "reasons", "referral_type"])
def test_a_national_id_in_text_or_code_quarantines_its_row_and_is_never_shown(field):
    planted = f"Se även {SYNTHETIC_ID[:6]}-{SYNTHETIC_ID[6:]}"
    claims = claim(extract(**referrals(**{field: ["Skola", planted]})))
    assert quarantine_rules(claims) == {1: ["CELL-201"]}
    told = repr(claims.quarantined) + repr(claims.findings) + repr(claims)
    assert SYNTHETIC_ID[:6] not in told
    assert SYNTHETIC_ID[6:] not in told


def test_a_national_id_as_a_number_in_a_code_column_is_found():
    claims = claim(extract(**referrals(reasons=[float("20" + SYNTHETIC_ID)])))
    assert quarantine_rules(claims) == {0: ["CELL-201"]}


def test_free_text_is_dropped_and_the_child_id_is_passed_on():
    claims = claim(extract(**referrals(note=["fritext"])))
    assert "note" not in claims.columns
    assert claims.columns["child"] == ["local-1"]
    assert "local-1" not in repr(claims)


def test_findings_never_show_identities_birth_dates_or_wordings():
    cells = referrals(
        child=["local-secret"],
        birth_date=["2005-03-01"],
        reasons=["hemlig orsak"],
        action=["hemlig åtgärd"],
        action_on=[None],
    )
    claims = claim(extract(**cells))
    told = repr(claims.findings)
    assert [finding.rule for finding in claims.findings] == ["REF-109", "REF-111"]
    for secret in ("local-secret", "2005", "hemlig"):
        assert secret not in told


def test_alike_findings_beyond_fifty_become_one_that_names_the_rows():
    claims = claim(extract(**referrals(action=[None] * 60 + ["x"] + [None] * 2)))
    findings = [finding for finding in claims.findings if finding.rule == "REF-110"]
    assert len(findings) == 51
    assert [finding.count for finding in findings] == [1] * 50 + [12]
    assert sum(finding.count for finding in findings) == 62
    assert findings[50].row == 53
    assert findings[50].message.endswith("Gäller även raderna 54–62, 64–65.")


def spec_with(*rules, columns=()):
    day = ColumnSpec("day", "Dag", CellType.DATE, required=True)
    return RecordSpec(
        "thing", "Ting", "Thing", "", "day", (day, *columns), rules, (EventSpec("Thing", "day", ()),)
    )


def test_a_required_column_without_a_rule_of_its_own_is_still_required():
    claims = claim(extract(spec=spec_with(), day=[None, "2023-01-01"]))
    assert quarantine_rules(claims) == {0: ["ROW-101"]}
    assert claims.quarantined[0][0].message == "Dag saknas."


def test_a_rule_holds_only_within_its_validity():
    rule = RuleSpec(
        "THI-1",
        "range",
        Severity.ERROR,
        ("n",),
        "För stort.",
        "Rätta.",
        {"min": 0, "max": 9},
        date(2023, 7, 1),
    )
    spec = spec_with(rule, columns=(ColumnSpec("n", "Antal", CellType.DECIMAL),))
    claims = claim(extract(spec=spec, day=["2023-06-30", "2023-07-01", "2023-07-01"], n=[10, 10, "9,0"]))
    assert quarantine_rules(claims) == {1: ["THI-1"]}


def interventions(**cells):
    """Interventions that break no rule unless a cell is changed."""
    rows = len(next(iter(cells.values())))
    usual = {
        "child": "local-1",
        "decided_on": "2023-03-01",
        "intervention_type": "Kontaktfamilj",
        "started_on": "2023-03-02",
    }
    return {name: [cell] * rows for name, cell in usual.items()} | cells


def test_a_placeholder_for_no_end_loads_its_row_and_is_said_once():
    ends = ["9999-12-31", "2023-06-30", date(9999, 12, 31), "tills vidare", None]
    claims = claim(extract("interventions", **interventions(ended_on=ends)))
    assert claims.quarantined == {}
    assert claims.columns["ended_on"] == [None, date(2023, 6, 30), None, None, None]
    said = {finding.found: finding for finding in claims.findings}
    assert {(f.rule, f.severity) for f in said.values()} == {("CELL-106", Severity.INFO)}
    assert said["9999-12-31"].count == 2 and said["9999-12-31"].row == 3
    assert said["9999-12-31"].message == (
        "I kolumnen Slutdatum står ”9999-12-31”. Det har lästs som att inget slut finns ännu. "
        "Gäller även raderna 5."
    )
    assert said["tills vidare"].count == 1 and said["tills vidare"].row == 6


@pytest.mark.parametrize(
    "changed",
    [{"ended_on": ["9998-12-31"]}, {"ended_on": ["2203-01-01"]}, {"started_on": ["9999-12-31"]}],
)
def test_other_far_days_stay_errors(changed):
    claims = claim(extract("interventions", **interventions(**changed)))
    assert quarantine_rules(claims) == {0: ["CELL-103"]}


@pytest.mark.parametrize(
    ("record_type", "column"),
    [("interventions", "ended_on"), ("investigations", "closed_on"), ("open_support", "ended_on")],
)
def test_every_end_takes_placeholders(record_type, column):
    assert {"9999-12-31", "2999-12-31", "tills vidare"} <= set(load_spec(record_type).by_name[column].not_yet)

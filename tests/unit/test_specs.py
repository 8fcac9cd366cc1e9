"""The record specs: complete, consistent, and refused with a clear sentence when they are not."""

from __future__ import annotations

import dataclasses

import pytest

from tracker.domain.errors import NotFound
from tracker.domain.findings import Severity
from tracker.domain.spec import CellType
from tracker.intake.file_rules import file_rules
from tracker.intake.headers import candidates, fold
from tracker.intake.spec_files import (
    RECORD_TYPES,
    SpecError,
    header_index,
    load_spec,
    load_specs,
    parse_spec,
)
from tracker.intake.specification import specification_markdown, template_headers

MINIMAL = """
record_type: probe
label_sv: Prov
label_en: Probe
description_sv: Prov.
period_by: held_on
columns:
  - {name: child, same_as: child, required: true}
  - {name: held_on, label_sv: Dag, type: date, required: true, description_sv: Dag., example: "2023-01-01"}
  - {name: result, label_sv: Resultat, type: code, codebook: result, description_sv: R., example: Ja}
  - {name: count, label_sv: Antal, type: integer, minimum: 0, maximum: 9, description_sv: A., example: "1"}
rules:
  - {id: P-1, check: range, severity: ERROR, fields: [count], message_sv: Fel., remedy_sv: Rätta.,
     valid_from: 2025-07-01}
events:
  - {type: FollowUpHeld, 'on': held_on, body: [result]}
"""


def test_every_record_type_has_its_spec() -> None:
    assert tuple(load_specs()) == RECORD_TYPES
    assert all(spec.record_type == name for name, spec in load_specs().items())


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_each_label_and_alias_leads_to_its_own_column(record_type: str) -> None:
    spec, index = load_spec(record_type), header_index(record_type)
    for column in spec.columns:
        for header in (column.label_sv, column.name, *column.aliases):
            assert index[fold(header)][0] == column.name


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_rules_tell_the_sender_what_to_do(record_type: str) -> None:
    for rule in load_spec(record_type).rules:
        assert rule.message_sv.endswith(".") and rule.remedy_sv.endswith(".")
        assert rule.severity in {Severity.ERROR, Severity.WARNING, Severity.INFO}


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_period_column_is_required_dated_and_checked(record_type: str) -> None:
    spec = load_spec(record_type)
    column = spec.by_name[spec.period_by]
    assert column.required and column.type in {CellType.DATE, CellType.MONTH, CellType.YEAR}
    checks = {rule.check for rule in spec.rules if rule.fields == (spec.period_by,)}
    assert {"required", "not_after_extract", "within_period"} <= checks


def test_the_contract_of_referrals() -> None:
    spec = load_spec("referrals")
    assert [c.name for c in spec.columns if c.required] == ["received_on", "referral_type"]
    assert spec.source_id == "referral_id"
    received, concluded = spec.events
    assert received.body == (
        "sex", "birth_date", "age", "referral_type", "reasons", "referrer", "referral_id", "case_id",
    )  # fmt: skip
    assert (concluded.on, concluded.when, concluded.body) == (
        "action_on",
        ("action",),
        ("action", "investigation_id"),
    )


def test_investigations_have_30_risk_and_7_protective_factors() -> None:
    names = [column.name for column in load_spec("investigations").columns]
    assert [n for n in names if n[0] == "r" and n[1:].isdigit()] == [f"r{i:02d}" for i in range(1, 31)]
    assert [n for n in names if n[0] == "p" and n[1:].isdigit()] == [f"p{i}" for i in range(1, 8)]


def test_range_rules_take_their_bounds_from_the_column() -> None:
    rule = next(rule for rule in load_spec("referrals").rules if rule.check == "range")
    assert rule.parameters == {"min": -1, "max": 20}


def test_specs_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_specs()["referrals"] = load_spec("child_facts")  # type: ignore[index]  # wrong on purpose
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_spec("referrals").label_sv = "x"  # type: ignore[misc]  # wrong on purpose


def test_an_unknown_record_type_is_not_found() -> None:
    with pytest.raises(NotFound, match="municipality_facts"):
        load_spec("referral")


def test_a_minimal_spec_with_validity_dates() -> None:
    (rule,) = parse_spec(MINIMAL, "probe.yaml").rules
    assert str(rule.valid_from) == "2025-07-01" and rule.valid_to is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("label_en: Probe", "colour: red", "unknown keys"),
        ("label_en: Probe\n", "", "missing keys"),
        ("type: date,", "type: day,", "unknown type 'day'"),
        ("codebook: result, ", "", "codebook goes with"),
        ("check: range", "check: guess", "unknown check 'guess'"),
        ("severity: ERROR", "severity: BAD", "unknown severity 'BAD'"),
        ("fields: [count]", "fields: [nope]", "no such columns"),
        ("fields: [count]", "fields: [count, result]", "takes 1 to 1 fields"),
        ("valid_from: 2025-07-01", "valid_from: soon", "valid_from must be a date"),
        ("type: FollowUpHeld", "type: Held", "unknown event type"),
        ("body: [result]", "body: [child]", "identities and free text are never kept"),
        ("period_by: held_on", "period_by: day", "period_by 'day' is no column"),
        ("codebook: result,", "codebook: result, not_yet: [snart],", "not_yet goes with type date"),
        ("type: date,", "type: date, not_yet: [snart],", "a column that may be empty"),
        ("label_sv: Antal", "label_sv: Resultat", "means two columns"),
        ("same_as: child", "same_as: kid", "no shared column"),
        ("record_type: probe", "record_type: [", "not YAML"),
    ],
)
def test_a_faulty_spec_is_refused_with_file_and_place(old: str, new: str, complaint: str) -> None:
    assert old in MINIMAL
    with pytest.raises(SpecError, match=r"probe\.yaml") as caught:
        parse_spec(MINIMAL.replace(old, new), "probe.yaml")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("header", "folded"),
    [
        ("  ÅTGÄRDS-datum ", "atgardsdatum"),
        ("Kön", "kon"),
        ("Fr.o.m.", "from"),
        ("Befolkning 0–17 år", "befolkning017ar"),
    ],
)
def test_headers_are_compared_by_letters_and_digits(header: str, folded: str) -> None:
    assert fold(header) == folded


def test_what_stands_in_parentheses_may_be_left_out() -> None:
    assert candidates("Född (ÅÅÅÅMMDD)") == ("foddaaaammdd", "fodd")
    assert candidates("(tom)") == ("tom",)


def test_file_rules_say_what_and_what_to_do() -> None:
    for rule in file_rules().values():
        assert rule.message and rule.remedy.endswith((".", ")", "}."))


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_the_specification_holds_everything_declared(record_type: str) -> None:
    spec = load_spec(record_type)
    text = specification_markdown(spec)
    for column in spec.columns:
        assert f"`{column.name}`" in text and column.label_sv in text
        assert all(alias in text for alias in column.aliases)
    assert all(rule.id in text and rule.remedy_sv in text for rule in spec.rules)
    assert "{" not in text


def test_the_specification_shows_code_lists_when_given() -> None:
    from tracker.domain.codes import Code

    lists = {"sex": {"girl": Code("girl", "Flicka", "Girl", "", "ours")}}
    assert "| `girl` | Flicka |" in specification_markdown(load_spec("referrals"), lists)


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_template_headers_are_recognised_as_their_own_columns(record_type: str) -> None:
    spec = load_spec(record_type)
    found = [header_index(record_type)[fold(header)][0] for header in template_headers(spec)]
    assert found == [column.name for column in spec.columns]

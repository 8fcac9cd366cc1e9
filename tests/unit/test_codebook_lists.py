"""The shipped code lists: complete, consistent, and honest about their sources."""

import csv
import re

import pytest

from tracker.harmonise.code_lists import FOLDER, crosswalk, package_code_lists, read_code_lists
from tracker.harmonise.codebook import MULTI_VALUED, Codebooks
from tracker.harmonise.normalise import normalise
from tracker.intake.spec_files import load_specs

PACKAGE = package_code_lists()
SPELLING_FILES = sorted((FOLDER / "spellings").glob("*.csv"))
MARK = re.compile(r"ours|I|M(: .+)?|[AB](: .+)?|[ABLSGUREnIM]( [ABLSGUREnIM])*")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_codebook_a_spec_names_is_shipped():
    named = {column.codebook for spec in load_specs().values() for column in spec.columns if column.codebook}
    assert named <= PACKAGE.lists.keys()


@pytest.mark.parametrize("name", sorted(PACKAGE.lists))
def test_codes_have_two_labels_and_a_mark(name):
    for code in PACKAGE.lists[name].values():
        assert code.label_sv and code.label_en, code
        assert MARK.match(code.attested), code


@pytest.mark.parametrize("path", SPELLING_FILES, ids=lambda path: path.stem)
def test_spellings_are_normalised_and_unique(path):
    spellings = [row["spelling"] for row in rows(path)]
    assert [spelling for spelling in spellings if normalise(spelling) != spelling] == []
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize("path", SPELLING_FILES, ids=lambda path: path.stem)
def test_only_lists_with_several_values_have_spellings_of_several_codes(path):
    several = [row for row in rows(path) if ";" in row["codes"]]
    assert not several or path.stem in MULTI_VALUED


@pytest.mark.parametrize("path", SPELLING_FILES, ids=lambda path: path.stem)
def test_a_spelling_never_contradicts_a_label(path):
    labels = {normalise(c.label_sv): c.code for c in PACKAGE.lists.get(path.stem, {}).values()}
    assert [r for r in rows(path) if labels.get(r["spelling"], r["codes"]) != r["codes"]] == []


def test_the_sizes_the_study_met_are_within_reach():
    def size(name):
        return len(PACKAGE.spellings[name])

    assert size("referral_reason") >= 1300
    assert size("referral_action") >= 197
    assert size("referral_type") >= 76


def test_twenty_two_reasons_of_which_fifteen_are_named_by_the_study():
    reasons = [c for c in PACKAGE.lists["referral_reason"].values() if c.code != "EJ_TILLAMPLIG"]
    assert len(reasons) == 22
    named = {c.code for c in reasons if "B" in c.attested.split()}
    assert len(named) == 15
    resting_on_us = {"B_HALSA", "B_RELATION", "O_HALSA", "O_KRIM", "X_OVRIGT"}
    assert all(set(c.attested.split()) <= {"n", "I"} for c in reasons if c.code in resting_on_us)


@pytest.mark.parametrize(
    ("code", "main_group", "flow_class", "at_risk"),
    [
        ("A1", "opened", "opened", "yes"),
        ("B1", "not_opened", "not_opened", "yes"),
        ("C1", "other_action", "attached", "no"),
        ("C2", "other_action", "attached", "no"),
        ("C3", "other_action", "attached", "no"),
        ("C4", "other_action", "referred_elsewhere", "yes"),
        ("C5", "other_action", "administrative", "yes"),
    ],
)
def test_what_each_action_means_for_the_models(code, main_group, flow_class, at_risk):
    codebooks = Codebooks.load()
    columns = ("main_group", "flow_class", "in_14_day_risk_set")
    meaning = [codebooks.extra("referral_action", code, column) for column in columns]
    assert meaning == [main_group, flow_class, at_risk]


def test_care_for_own_behaviour_ends_later_than_care_for_the_home():
    codebooks = Codebooks.load()
    assert codebooks.extra("legal_basis", "lvu_2", "terminal_age") == "18"
    assert codebooks.extra("legal_basis", "lvu_3", "terminal_age") == "21"


@pytest.mark.parametrize("path", sorted((FOLDER / "crosswalks").glob("*.csv")), ids=lambda path: path.stem)
def test_crosswalks_start_from_codes_that_exist(path):
    entries = crosswalk(path.stem)
    assert {entry.code for entry in entries} <= PACKAGE.lists["referral_reason"].keys()
    assert {entry.relation for entry in entries} <= {"exact", "broader", "narrower", "related"}
    assert all(entry.source for entry in entries)


def test_all_nineteen_norwegian_categories_are_reached():
    assert {entry.target for entry in crosswalk("referral_reason_bufdir")} == {str(n) for n in range(1, 20)}


def test_a_spelling_of_an_unknown_code_is_refused(tmp_path):
    (tmp_path / "spellings").mkdir()
    header = "code,label_sv,label_en,group,attested,valid_from,valid_to\n"
    (tmp_path / "sex.csv").write_text(header + "girl,Flicka,Girl,,ours,,\n", encoding="utf-8")
    (tmp_path / "spellings" / "_not_given.csv").write_text("spelling,codes\n", encoding="utf-8")
    (tmp_path / "spellings" / "sex.csv").write_text("spelling,codes\ntjej,gril\n", encoding="utf-8")
    with pytest.raises(ValueError, match="gril"):
        read_code_lists(tmp_path)

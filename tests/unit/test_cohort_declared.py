"""A cohort's declaration: what is understood, and in which words everything else is refused."""

from __future__ import annotations

from datetime import date

import pytest

from tracker.domain.errors import UsageError
from tracker.projections.cohort_reading import broken_down_by, parse_cohort, read_cohort
from tracker.projections.cohort_spec import At, Condition, Covariate, Event, NextEntry, Which

WHOLE = """
name: first-referral
question: What becomes of children after their first referral?
entry: {event: first_referral, from: 2022-01-01, to: 2024-12-31, washout_days: 365}
eligibility:
  age: [0..12, 15, unknown]
  municipality: [0114, 0180]
exclusions:
  - name: unaccompanied
    where: {first_reason: B_ENSAM}
exits: {horizon_days: 731, until: [intervention], censor: moved, next_entry: ignored}
covariates:
  sex:
  age_band: {source: age, cuts: [0, 6, 13]}
  from_whom: {source: referrer, categories: {school: [school, preschool]}, rest: others}
  act: {at: time_varying}
by: [sex, age_band]
"""
SHORT = "name: a\nentry: {event: episode}\n"


def test_everything_that_can_be_said_is_read():
    spec = parse_cohort(WHOLE)
    assert (spec.entry.event, spec.entry.which) == (Event.FIRST_REFERRAL, Which.FIRST)
    assert (spec.entry.first, spec.entry.last) == (date(2022, 1, 1), date(2024, 12, 31))
    assert spec.entry.washout_days == 365
    assert spec.eligibility[0] == Condition("age", ("15", "unknown"), ((0, 12),))
    assert spec.eligibility[1] == Condition("municipality", ("0114", "0180"))
    assert spec.exclusions[0].where == (Condition("first_reason", ("B_ENSAM",)),)
    assert spec.exits.until == ("intervention",) and spec.exits.censor == ("moved",)
    assert spec.exits.next_entry is NextEntry.IGNORED
    assert spec.covariates[1] == Covariate("age_band", "age", cuts=(0, 6, 13))
    assert spec.covariates[2].categories == (("school", ("school", "preschool")),)
    assert spec.covariates[3].at is At.TIME_VARYING
    assert spec.by == ("sex", "age_band")


def test_each_event_counts_unless_it_is_first_by_nature():
    assert parse_cohort(SHORT).entry.which is Which.EACH
    assert parse_cohort("name: a\nentry: {event: closed, which: first}").entry.which is Which.FIRST


REFUSED = {
    "name: a": "cohort: lacks entry",
    "- a": "cohort: takes name, question, entry",
    SHORT + "colour: red": "cohort: unknown colour; it takes name, question",
    "name: A b\nentry: {event: episode}": "«A b» is no name",
    "name: a\nentry: {event: born}": "«born» is unknown; it is one of observed, first_referral, episode",
    "name: a\nentry: {evnt: episode}": "entry: unknown evnt; it takes event, which, state, from, to",
    "name: a\nentry: {event: state_entered}": "a state is named with the event state_entered",
    "name: a\nentry: {event: first_referral, which: each}": "first by its nature",
    "name: a\nentry: {event: episode, from: 1 May}": "from: «1 May» is no date such as 2025-07-01",
    "name: a\nentry: {event: episode, from: 2024-02-01, to: 2024-01-01}": "the window ends (2024-01-01)",
    SHORT + "exits: {horizon_days: -1}": "horizon_days: «-1» is no whole number",
    SHORT + "exits: {last_day: 2025-06-30}": "they have to enter by then",
    SHORT + "exits: {next_entry: maybe}": "«maybe» is unknown; it is one of ends, ignored",
    SHORT + "eligibility: {colour: red}": "«colour» is unknown; there are sex, age",
    SHORT + "eligibility: {age: young}": "«young» is neither a number, a range such as 0..17, nor unknown",
    SHORT + "eligibility: {age: 17..0}": "from the lower to the higher",
    SHORT + "eligibility: {sex: []}": "takes at least one value",
    SHORT + "exclusions: [{name: x}]": "exclusions: lacks where",
    SHORT + "covariates: {state: {source: sex}}": "cannot be the name of a covariate",
    SHORT + "covariates: {x: {source: hair}}": "source: «hair» is unknown",
    SHORT + "covariates: {sex: {cuts: [1]}}": "sex is no number",
    SHORT + "covariates: {age: {cuts: [6, 3]}}": "takes rising whole numbers",
    SHORT + "covariates: {age: {categories: {a: [1]}}}": "levels are made by cuts",
    SHORT + "covariates: {sex: {categories: {a: [girl], b: [girl]}}}": "in two levels: girl",
    SHORT + "covariates: {sex: {rest: others}}": "rest is what categories leave unnamed",
    SHORT + "covariates: {sex: {at: time_varying}}": "sex does not vary with time; age, municipality",
    SHORT + "by: [hair]": "cohort: Unknown by hair; choose among sex, age",
    SHORT + "by: age": "«age» is a number: declare it with cuts",
    SHORT + "name: b": "given twice: name",
    "name: [": "cohort is not YAML",
}


@pytest.mark.parametrize("text", REFUSED, ids=list(REFUSED.values()))
def test_what_is_not_understood_is_refused_saying_where(text):
    with pytest.raises(UsageError) as refused:
        parse_cohort(text)
    assert REFUSED[text] in str(refused.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(UsageError, match="no cohort file"):
        read_cohort(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_cohort(tmp_path / "bytes.yaml")


def test_the_version_follows_what_is_drawn_not_its_wording():
    spec = parse_cohort(WHOLE)
    reworded = parse_cohort(WHOLE.replace("What becomes of", "What happens to"))
    narrower = parse_cohort(WHOLE.replace("731", "365"))
    assert spec.version == reworded.version != narrower.version
    assert spec.version.startswith("first-referral-")


def test_broken_down_by_something_else_declares_it():
    spec = broken_down_by(parse_cohort(WHOLE), ["municipality", "sex"])
    assert spec.by == ("municipality", "sex")
    assert spec.covariates[-1] == Covariate("municipality", "municipality")

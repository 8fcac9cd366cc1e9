"""The researcher's API: the numbers of the estimators, pictures, words, and refusals in a sentence."""

from __future__ import annotations

import pydoc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import tracker.study
from tests.process_snapshot import histories_of, plan_of, process_snapshot
from tracker.domain.errors import EstimateError, NotFound, SnapshotError, UsageError
from tracker.estimate.from_cohort import risk_sets, stays
from tracker.estimate.occupation import aalen_johansen
from tracker.estimate.recurrence import mean_count_robust
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.regression import cox
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import parse_cohort
from tracker.projections.flow_clock import Clock
from tracker.projections.flow_counting import build_flow_table
from tracker.projections.flow_files import write_flow_table
from tracker.study import Cohort, Study
from tracker.synth.parameters import Parameters, Sorting

FIRST = parse_cohort(
    "name: first\nquestion: Where?\nentry: {event: first_referral}\nexits: {horizon_days: 731}\n"
    "covariates: {sex: , age_band: {source: age, cuts: [0, 6, 13]}}"
)

DECIDED = Sorting(undecided=0.0, not_opened=((0.9, 0.0, 0.1, 0.0), (0.8, 0.0, 0.2, 0.0)))
"""Every referral of somebody with nothing open is seen to be opened or closed."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("snapshot") / "snapshot"
    plan = plan_of(Parameters(sorting=DECIDED))
    return tracker.study.open(process_snapshot(folder, histories_of(plan, 2_500, seed=4), plan))


@pytest.fixture(scope="module")
def cohort(study: Study) -> Cohort:
    return study.cohort(FIRST)


def test_occupation_is_that_of_the_estimators(study: Study, cohort: Cohort) -> None:
    found = cohort.flow_table(clock="entry", by=["sex"]).aalen_johansen()
    drawn = draw(study.snapshot, FIRST)
    direct = aalen_johansen(risk_sets(drawn, Clock.ENTRY, ["sex"])).curves()
    pd.testing.assert_frame_equal(found.frame, direct.frame)
    assert found.about == direct.about and found.method == direct.method
    pd.testing.assert_frame_equal(found.at([90, 365]), direct.at([90, 365]))
    together = found.at([365]).groupby("sex")["estimate"].sum()
    assert together.tolist() == pytest.approx([1, 1])
    assert found.expected_time([365]).frame.groupby("sex")["estimate"].sum().tolist() == pytest.approx(
        [365] * 2
    )
    robust = found.robust([365]).frame
    assert robust["estimate"].tolist() == found.at([365])["estimate"].tolist()
    spent = found.robust_expected_time([365]).frame["estimate"]
    assert spent.tolist() == pytest.approx(found.expected_time([365]).frame["estimate"].tolist())


def test_a_landmark_needs_no_markov_property(cohort: Cohort) -> None:
    flow = cohort.flow_table()
    here = (
        flow.landmark(60, "investigation")
        .at([60, 365])
        .pivot_table(index="state", columns="time", values="estimate")
    )
    assert here.loc["investigation", 60] == 1 and 0 < here.loc["closed", 365] < 1
    matrix = flow.transition_probabilities([365], since=60).frame
    assert matrix.groupby("state")["estimate"].sum().round(9).eq(1).all()
    test = flow.markov_test("investigation -> closed", [60], replicates=50)
    assert 0 <= test.p_value <= 1


def test_models_are_those_of_the_estimators(study: Study, cohort: Cohort) -> None:
    found = cohort.cox("referral -> investigation", ["sex", "age_band"])
    data = stays(draw(study.snapshot, FIRST), Clock.STATE, (), ["sex", "age_band"])
    first = {"age_band": "0-5", "sex": "boy"}
    direct = cox(
        data, ("referral", "investigation"), ["sex", "age_band"], cluster="subject", reference=first
    ).frame.set_index("term")
    pd.testing.assert_frame_equal(found.frame.set_index("term"), direct.loc[found.frame["term"]])
    assert found.frame["term"].tolist() == ["sex: girl", "age_band: 6-12", "age_band: 13+"]
    assert found.reference == first
    plain = cohort.cox(("referral", "investigation"), "sex + age_band", robust=False).frame
    assert plain["std_error"].tolist() == found.frame["std_error_model"].tolist()
    assert set(found.proportional_hazards().frame["term"]) == {"sex", "age_band"}
    girl, boy = ({"sex": sex, "age_band": "0-5"} for sex in ("girl", "boy"))
    hazards = found.cumulative_hazard([girl, boy]).at([30]).set_index("sex")["estimate"]
    assert hazards["girl"] / hazards["boy"] == pytest.approx(found.frame["ratio"].iloc[0])
    assert found.survival([boy]).at([30])["estimate"].iloc[0] == pytest.approx(np.exp(-hazards["boy"]))


def test_incidence_waits_for_the_first_time_only(cohort: Cohort) -> None:
    found = cohort.incidence("intervention")
    spells = cohort.spells
    ever = spells.loc[spells["state"].eq("intervention"), "subject_id"].nunique() / cohort.children
    last = found.at([730])["estimate"].iloc[0]
    assert ever < last < 1.3 * ever  # who is lost sight of might have had one
    shares = found.frame["estimate"].to_numpy()
    assert np.all(np.diff(shares) >= 0) and found.frame["at_risk"].iloc[0] == cohort.children
    ends = cohort.until("intervention").spells
    assert not ends["state"].eq("intervention").any()


def test_staying_and_leaving_a_state(cohort: Cohort) -> None:
    flow = cohort.flow_table("state", ["sex"])
    staying = flow.kaplan_meier("investigation")
    day = staying.median().frame["estimate"].to_numpy()
    for sex, median in zip(["boy", "girl"], day, strict=True):
        before, after = staying.select(sex=sex).at([median - 1, median])["estimate"]
        assert after <= 0.5 < before and median > 50
    gone = flow.cumulative_incidence("investigation").at([120]).groupby("sex")["estimate"].sum()
    assert (1 - gone).tolist() == pytest.approx(staying.at([120])["estimate"].tolist())
    mean = flow.restricted_mean("investigation", [120]).frame["estimate"]
    assert staying.restricted_mean(120).frame["estimate"].tolist() == pytest.approx(mean.tolist())
    difference = flow.restricted_mean_difference("investigation", 120).frame["estimate"].iloc[0]
    assert abs(difference) == pytest.approx(abs(mean.iloc[1] - mean.iloc[0]))
    one, other = flow.kaplan_meier("closed", robust=True), flow.kaplan_meier("closed")
    assert one.frame["estimate"].tolist() == other.frame["estimate"].tolist()
    assert one.frame["std_error"].sum() != other.frame["std_error"].sum()
    hazard = flow.nelson_aalen("closed", "referral").at([365])["estimate"]
    assert flow.nelson_aalen("closed", "referral", robust=True).at([365])["estimate"].equals(hazard)
    back = flow.cumulative_incidence("closed", "referral", robust=True)
    assert back.frame["cause"].unique().tolist() == ["referral"]
    assert flow.log_rank("closed", "referral").df == 1
    assert flow.log_rank_trend("closed", "sex", {"boy": 0, "girl": 1}, "referral").statistic == pytest.approx(
        flow.log_rank("closed", "referral").statistic
    )
    first = cohort.flow_table("state", ["sex"]).gray_test("granted", "intervention")
    assert 0 < first.p_value <= 1


def test_what_happens_again(study: Study, cohort: Cohort) -> None:
    again = cohort.recurrence("referral", out_of="closed", terminal=["adult", "dead"])
    event = Recurrence(("referral",), ("closed",), ("adult",))
    assert "dead" not in cohort.flow_table().states  # nobody died: an end of the chain all the same
    direct = mean_count_robust(stays(draw(study.snapshot, FIRST), Clock.ENTRY), event)
    pd.testing.assert_frame_equal(again.mean_count().frame, direct.frame)
    assert again.mean_count(robust=False).frame["estimate"].equals(direct.frame["estimate"])
    assert again.gaps().select(cause="referral").at([365])["estimate"].iloc[0] > 0.1
    rate = again.andersen_gill(["sex", "event_number"])
    assert rate.frame["term"].tolist()[-1] == "event_number" and rate.estimate.events > 50
    gap = again.prentice_williams_peterson("sex", since="gap", most=3)
    total = again.wei_lin_weissfeld("sex", most=2)
    assert gap.frame["term"].tolist() == total.frame["term"].tolist() == ["sex: girl"]
    with pytest.raises(EstimateError, match="from one state"):
        cohort.recurrence("referral").gaps()


def test_models_of_time(cohort: Cohort) -> None:
    from lifelines import LogNormalAFTFitter, WeibullAFTFitter

    ours = cohort.accelerated_failure("intervention", ["sex"], family="weibull")
    theirs = cohort.lifelines(WeibullAFTFitter(), "intervention", ["sex"])
    assert theirs.frame["term"].tolist() == ["sex: girl", "(intercept)", "rho_: (intercept)"]
    assert theirs.frame["estimate"].iloc[0] == pytest.approx(ours.frame["estimate"].iloc[1], abs=1e-3)
    half = ours.quantiles([{"sex": "boy"}], [0.5]).frame["estimate"].iloc[0]
    assert 100 < half < 250
    smooth = cohort.flexible_hazards("intervention", ["sex"])
    assert smooth.frame["term"].iloc[0] == "sex: girl"
    with pytest.raises(EstimateError, match=r"takes at least one term"):
        cohort.lifelines(LogNormalAFTFitter(), "intervention")
    with pytest.raises(EstimateError, match="has none"):
        ours.proportional_hazards()
    with pytest.raises(EstimateError, match="parametric model"):
        cohort.cox("granted -> intervention", "sex").quantiles([{"sex": "boy"}])


def test_regression_of_the_incidence(cohort: Cohort) -> None:
    once = cohort.until("investigation", "closed", "granted", "intervention")
    model = once.fine_gray("referral -> investigation", ["sex"])
    curves = model.incidence([{"sex": "girl"}, {"sex": "boy"}]).at([30]).set_index("sex")["estimate"]
    assert (curves["girl"] > curves["boy"]) == (model.frame["estimate"].iloc[0] > 0)
    late = once.fine_gray("referral -> investigation", ["sex"], late_entry="weighted")
    assert late.frame["estimate"].iloc[0] == pytest.approx(model.frame["estimate"].iloc[0], abs=0.1)


def test_covariates_that_are_not_declared_are_added_as_known_at_entry(cohort: Cohort) -> None:
    flow = cohort.flow_table(by=["age_group"])
    order = list(flow.risk.strata["age_group"])
    born = [level for level in order if level != "unborn"]
    assert born == ["0-2", "3-5", "6-8", "9-11", "12-14", "15-17"]
    assert flow.about.cohort != cohort.spec.version and flow.about.cohort.startswith("first-")
    assert cohort.with_covariates(["age_group"]) is cohort.with_covariates(["age_group"])
    entry = cohort.with_covariates(["age_group"]).spells.groupby("subject_id")["age_group"].nunique()
    assert entry.max() == 1
    stays_, risk = cohort.stays("entry", ["age_group"]), flow.risk
    assert stays_.strata.equals(risk.strata)
    groups = cohort.with_covariates(["age_group"]).spells["age_group"].value_counts()
    assert np.bincount(stays_.stratum).tolist() == [groups[level] for level in order]


def test_pictures_are_saved_and_shown(cohort: Cohort, tmp_path: Path) -> None:
    flow = cohort.flow_table(by=["sex"])
    since = cohort.flow_table("state")
    model = cohort.cox("referral -> investigation", ["sex", "age_band"])
    shown = [
        flow.aalen_johansen(),
        flow.aalen_johansen().select(state=["closed", "investigation"]),
        flow.aalen_johansen().expected_time([180, 365]),
        since.kaplan_meier("referral"),
        since.kaplan_meier("referral").quantiles(),
        since.cumulative_incidence("closed"),
        since.nelson_aalen("closed"),
        model,
        model.survival([{"sex": "girl", "age_band": "0-5"}]),
        cohort.accelerated_failure("granted", ["sex"], to="intervention"),
    ]
    for number, result in enumerate(shown):
        picture = result.plot(title=f"Picture {number}", labels={"boy": "boys"})
        image = imread(picture.save(tmp_path / f"{number}.png"))
        assert image.shape[1] > 1000 and image.std() > 0.02
        assert f"Picture {number}" in picture.save(tmp_path / "sub" / f"{number}.svg").read_text("utf-8")
        assert picture._repr_html_().startswith("<img") and "save" in repr(picture)
        assert "SYNTHETIC DATA" in picture.chart.svg
    assert "boys" in shown[0].plot(labels={"boy": "boys"}).chart.svg
    with pytest.raises(UsageError, match=r"\.svg or \.png, not x\.pdf"):
        model.plot().save(tmp_path / "x.pdf")


def test_results_tell_what_they_are(study: Study, cohort: Cohort) -> None:
    flow = cohort.flow_table(by=["sex"])
    occupation, test = flow.aalen_johansen(), flow.log_rank("referral", groups=["sex"])
    for result in (
        occupation,
        occupation.expected_time([365]),
        test,
        cohort.cox("granted -> intervention", "sex"),
    ):
        for told in (repr(result), result._repr_html_()):
            assert "Source:" in told and "SYNTHETIC DATA" in told and "cohort first-" in told
    assert "p = " in repr(test) and "<table" in occupation._repr_html_()
    assert "32767" not in repr(occupation) and "730.0" in repr(occupation)
    assert "Where?" in cohort._repr_html_() and f"{cohort.children:,} children" in repr(cohort)
    assert "clock entry, by sex" in repr(flow) and "referral -> investigation" in flow.transitions
    assert "SYNTHETIC DATA" in repr(study) and "referrals" in study.tables
    assert len(study.table("children")) >= cohort.children
    page = pydoc.plain(pydoc.render_doc(tracker.study))
    assert "study  = tracker.study.open" in page and "Clocks:" in page


def test_an_empty_cohort_is_a_result(study: Study) -> None:
    nobody = study.cohort(parse_cohort("name: none\nentry: {event: observed, from: 2040-01-01}"))
    assert nobody.children == 0 and "0 children" in repr(nobody) and len(nobody.spells) == 0
    flow = nobody.flow_table(by=["sex"])
    assert flow.states == () and len(flow.frame) == 0
    with pytest.raises(EstimateError, match="Nobody is in the data"):
        flow.aalen_johansen()


def test_cohorts_by_name_file_and_specification(study: Study, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nentry: {event: observed}\n")
    assert study.cohort(tmp_path / "mine.yaml").spec.name == "mine"
    assert study.cohort(str(tmp_path / "mine.yaml")).spec.name == "mine"
    assert "pathways" in study.cohorts and study.cohort("pathways").children > 0
    with pytest.raises(NotFound, match=r"«pathway» is no YAML file .* there are .*pathways"):
        study.cohort("pathway")
    with pytest.raises(SnapshotError, match="is not a snapshot"):
        tracker.study.open(tmp_path)


def test_a_flow_table_from_files_holds_no_children(study: Study, tmp_path: Path) -> None:
    table = build_flow_table(study.snapshot, clock=Clock.ENTRY, by=["sex"])
    flow = tracker.study.read_flow_table(write_flow_table(table, tmp_path / "table"))
    assert flow.aalen_johansen().frame["sex"].unique().tolist() == ["boy", "girl"]
    with pytest.raises(EstimateError, match="counts, not children"):
        flow.aalen_johansen().robust([365])


def test_what_does_not_exist_is_said(cohort: Cohort) -> None:
    with pytest.raises(UsageError, match="no clock «entering»; there are entry, episode"):
        cohort.flow_table(clock="entering")
    with pytest.raises(UsageError, match="Unknown covariate hair; there are sex, age_band, age"):
        cohort.flow_table(by=["hair"])
    with pytest.raises(UsageError, match="written «referral -> investigation»; found «referral»"):
        cohort.cox("referral", "sex")
    with pytest.raises(EstimateError, match="no state «sorted»"):
        cohort.cox("sorted -> closed", "sex")
    curves = cohort.flow_table(by=["sex"]).aalen_johansen()
    with pytest.raises(UsageError, match="chosen by sex, state; there is no «age»"):
        curves.select(age=3)
    with pytest.raises(UsageError, match="«state» has no open; it has adult"):
        curves.select(state=["open"])
    with pytest.raises(EstimateError, match="has quantiles; «state occupation» is another"):
        curves.quantiles()
    with pytest.raises(EstimateError, match="clock of the state"):
        cohort.flow_table("state").aalen_johansen()


def test_flows_and_key_figures_compared(study: Study) -> None:
    summary = study.flow_summary(by=["municipality", "year"])
    opened = summary.share("investigation", "opened")
    rows = summary.frame.query(
        "block == 'linkable' and step == 'investigation' and `class` == 'opened' and unit == 'referrals'"
    )
    expected = rows[(rows["municipality"] != "all") & (rows["year"] != "all") & rows["share_step"].notna()]
    assert opened.frame["estimate"].tolist() == expected["share_step"].tolist()
    whole = study.flow_summary().share("need", "yes", "investigations")
    assert len(whole.frame) == 1 and 0.3 < whole.frame["estimate"].iloc[0] < 0.7
    totals = summary.share("investigation", "opened", totals=True).frame
    assert len(totals) > len(opened.frame) and "all" in set(totals["municipality"])
    assert "received" in summary.definitions["entry cohort"]
    assert "<svg" in summary.plot().chart.svg and "svg+xml" in summary.plot()._repr_html_()
    assert "year" in opened.plot().chart.title and "SYNTHETIC" in repr(summary) + summary._repr_html_()
    with pytest.raises(UsageError, match="no share «investigation: begun»; there are opened"):
        summary.share("investigation", "begun")
    figures = study.key_figures()
    share = figures.share_not_returned("0-12").frame
    known = figures.not_returned.query("status == 'value' and age_class == '0-12'")
    assert share["estimate"].tolist() == known["share_not_returned"].tolist() and len(share) > 3
    assert figures.mean_investigation_time().plot().chart.png
    assert "SYNTHETIC" in repr(figures) + figures._repr_html_() and "unit" in figures.definitions


def test_what_was_asked_does_not_change_what_was_declared(cohort: Cohort) -> None:
    before = cohort.spec
    cohort.flow_table(by=["municipality"])
    cohort.until("closed")
    assert cohort.spec is before and before == replace(FIRST)

"""Segmented regression against R and by hand, its refusals, and the months and municipalities it is given."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from tests.coverage.interrupted import BREAK, TRUTH, simulated
from tracker.domain.errors import EstimateError
from tracker.domain.periods import add_months
from tracker.estimate.interrupted import Design, interrupted_counts, interrupted_shares, lags_for
from tracker.estimate.interrupted_checks import sensitivity, variants
from tracker.estimate.interrupted_terms import LEVEL_CHANGE, TREND, TREND_CHANGE, Season
from tracker.projections.coverage import Covered
from tracker.projections.covered_months import constant_window, covered_months, every_month

ASKED = [TREND, LEVEL_CHANGE, TREND_CHANGE]


def series(**more):
    """36 months, made up by arithmetic so that R has the same."""
    month = np.arange(-24, 12)
    count = 40 + (month * 37) % 23 + np.where(month >= 0, 12, 0) + (month * month) % 7
    period = [add_months(BREAK, int(number)) for number in month]
    return pd.DataFrame({"period": period, "count": count, "exposure": 1 + 0.01 * ((month * 3) % 5)} | more)


def terms(fit):
    return fit.coefficients.frame.set_index("term").loc[ASKED]


def test_counts_as_r_glm_quasipoisson_with_newey_west_by_hand():
    """R 4.2: glm(quasipoisson) with an offset, and the Newey–West sum written out; its digits."""
    found = terms(interrupted_counts(series()))
    expected = [0.0594109380024, 0.0652406658691, 0.0738825319888]
    assert found["estimate"].to_numpy() == pytest.approx(expected, rel=1e-9)
    model = [0.0487019101636, 0.1007673809796, 0.1381714966241]
    assert found["std_error_model"].to_numpy() == pytest.approx(model, rel=1e-9)
    robust = [0.0269978197442, 0.0552378239555, 0.0771070309965]
    assert found["std_error_newey_west"].to_numpy() == pytest.approx(robust, rel=1e-9)


def test_shares_as_r_glm_quasibinomial_with_newey_west_by_hand():
    found = terms(interrupted_shares(series(of=120)))
    expected = [0.1084198353512, 0.121408763606, 0.175283145286]
    assert found["estimate"].to_numpy() == pytest.approx(expected, rel=1e-9)
    model = [0.0933957821330, 0.199127446883, 0.279713092596]
    assert found["std_error_model"].to_numpy() == pytest.approx(model, rel=1e-9)
    robust = [0.0475365768572, 0.107865657826, 0.159147151744]
    assert found["std_error_newey_west"].to_numpy() == pytest.approx(robust, rel=1e-9)


def test_errors_are_never_below_either_account_of_autocorrelation():
    found = interrupted_counts(simulated("count", 0.4, np.random.default_rng(5))).coefficients
    both = found.frame[["std_error_newey_west", "std_error_working"]].max(axis=1)
    assert found.frame["std_error"].to_numpy() == pytest.approx(both.to_numpy())
    assert np.sqrt(np.diagonal(found.covariance)) == pytest.approx(found.frame["std_error"].to_numpy())


def test_a_month_that_is_not_there_keeps_its_length():
    """Newey–West summed over pairs of months by how far apart they lie, not by row."""
    out = (date(2024, 11, 1), date(2025, 7, 1), date(2025, 8, 1))
    design = Design(season=Season.NONE, left_out=out)
    fit = interrupted_counts(series(), design)
    kept = series()[~series()["period"].isin(out)]
    month = np.array([(p.year - 2025) * 12 + p.month - 7 for p in kept["period"]])
    years, after = month / 12, (month >= 0).astype(float)
    x = np.column_stack([np.ones(len(month)), years, after, years * after])
    y, offset = kept["count"].to_numpy(float), np.log(kept["exposure"].to_numpy(float))
    mean = sm.GLM(y, x, family=sm.families.Poisson(), offset=offset).fit(tol=1e-12).fittedvalues
    score, meat = x * (y - mean)[:, None], np.zeros((4, 4))
    for i, one in enumerate(month):
        for j, other in enumerate(month):
            meat += max(0, 1 - abs(one - other) / (fit.lags + 1)) * np.outer(score[i], score[j])
    bread = np.linalg.inv(x.T @ (mean[:, None] * x))
    by_hand = np.sqrt(np.diagonal(bread @ meat @ bread * len(y) / (len(y) - 4)))
    assert fit.coefficients.frame["std_error_newey_west"].to_numpy() == pytest.approx(by_hand, rel=1e-8)
    assert (fit.months_before, fit.months_after) == (23, 10)
    assert fit.months.loc[~fit.months["used"], "period"].tolist() == list(out)


def test_without_noise_the_changes_are_recovered():
    month = np.arange(-36, 24)
    linear = TRUTH[TREND] * month / 12 + (month >= 0) * (
        TRUTH[LEVEL_CHANGE] + TRUTH[TREND_CHANGE] * month / 12
    )
    period = [add_months(BREAK, int(number)) for number in month]
    frame = pd.DataFrame({"period": period, "count": np.round(1e7 * np.exp(linear)), "exposure": 1.0})
    fit = interrupted_counts(frame)
    assert terms(fit)["estimate"].to_numpy() == pytest.approx([TRUTH[term] for term in ASKED], abs=1e-6)
    effects = fit.effects.set_index("at")
    assert effects.loc["first month", "ratio"] == pytest.approx(np.exp(0.2), rel=1e-6)
    assert effects.loc["last month", "ratio"] == pytest.approx(np.exp(0.2 + 0.15 * 23 / 12), rel=1e-6)
    since = month >= 0
    expected = (1e7 * np.exp(TRUTH[TREND] * month[since] / 12)).mean()
    assert effects.loc["all months since", "expected"] == pytest.approx(expected, rel=1e-6)
    seen = fit.months["counterfactual"].notna().to_numpy()
    assert (seen == since).all()


def test_the_first_month_alone_has_the_limits_of_the_change_of_level():
    fit = interrupted_counts(series())
    level, first = terms(fit).loc[LEVEL_CHANGE], fit.effects.iloc[0]
    assert [first["ratio"], first["ratio_lower"], first["ratio_upper"]] == pytest.approx(
        [level["ratio"], level["lower"], level["upper"]]
    )


def test_the_unit_of_exposure_and_the_order_of_rows_change_nothing():
    one = terms(interrupted_counts(series()))
    frame = series().assign(exposure=lambda f: 250 * f["exposure"]).sample(frac=1, random_state=1)
    other = terms(interrupted_counts(frame))
    columns = ["estimate", "std_error", "lower", "upper"]
    assert other[columns].to_numpy() == pytest.approx(one[columns].to_numpy(), rel=1e-6)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (series().iloc[17:], "7 before and 12 from 2025-07-01; 8 months are needed"),
        (series().iloc[:31], "24 before and 7 from"),
        (series(count=0), "Nothing was counted in the months before"),
        (series().assign(count=lambda f: f["count"].where(f.index < 24, 0)), "in the months from"),
        (pd.concat([series(), series().iloc[:1]]), "told once"),
        (series(exposure=0.0), "no exposure"),
        (series(count=7, exposure=1.0), "meets every month"),
        (series(count=-1), "zero or more"),
        (series().drop(columns="exposure"), "lacks exposure"),
    ],
)
def test_series_that_cannot_be_analysed_are_refused(frame, said):
    with pytest.raises(EstimateError, match=said):
        interrupted_counts(frame)


def test_impossible_shares_and_seasons_are_refused():
    with pytest.raises(EstimateError, match="more are counted"):
        interrupted_shares(series(of=30))
    with pytest.raises(EstimateError, match="All were counted"):
        interrupted_shares(series().assign(of=lambda f: f["count"]))
    with pytest.raises(EstimateError, match="not told from a trend in 20 months"):
        interrupted_counts(series().iloc[14:34], Design(season=Season.HARMONIC))
    assert interrupted_counts(series().iloc[14:34]).season is Season.NONE


def test_the_rule_for_lags():
    assert [lags_for(months) for months in (20, 36, 60, 100)] == [2, 3, 3, 4]


def test_the_same_analysed_otherwise_tells_what_cannot_be():
    frame = series().iloc[8:]  # 16 months before: enough for the break, a placebo has only 4
    main = interrupted_counts(frame)
    table = sensitivity(main, {one.said: one for one in variants(frame, Design())}).set_index("analysis")
    assert table.loc["as shown", "status"] == "value"
    assert table.loc["the first 3 months since left out", "months"] == len(frame) - 3
    placebo = table.loc["placebo on 2024-07-01"]
    assert placebo["status"].startswith("not estimated: The series has 4 before and 12")
    assert pd.isna(placebo["level_change"])


def covered(place, first, last, record="referrals", read=date(2026, 12, 1), complete=True):
    return Covered(place, record, first, last, read, complete)


MONTHS = every_month(date(2025, 1, 1), date(2025, 12, 31))


def test_a_month_is_covered_when_every_day_of_it_was_delivered_and_read_late_enough():
    found = covered_months(
        [
            covered("a", date(2025, 1, 1), date(2025, 3, 30)),
            covered("a", date(2025, 3, 31), date(2025, 12, 31), complete=False),
            covered("b", date(2025, 2, 2), date(2025, 12, 31), read=date(2025, 12, 30)),
            covered("b", date(2025, 1, 1), date(2025, 12, 31), record="investigations"),
        ],
        ["referrals"],
        MONTHS,
    )
    assert found.municipalities == ("a", "b")
    assert found.covered[0].all() and found.complete[0].tolist() == [True] * 2 + [False] * 10
    assert found.covered[1].tolist() == [False] * 2 + [True] * 9 + [False]  # November ends 30 days before
    assert found.after_lead(2)[1].tolist() == [False] * 4 + [True] * 7 + [False]


def test_of_two_record_types_a_municipality_is_covered_by_the_first_it_delivers():
    found = covered_months(
        [
            covered("a", date(2025, 1, 1), date(2025, 6, 30), record="open_support_counts"),
            covered("a", date(2025, 7, 1), date(2025, 12, 31), record="open_support"),
            covered("b", date(2025, 1, 1), date(2025, 12, 31), record="open_support_counts"),
        ],
        ["open_support", "open_support_counts"],
        MONTHS,
    )
    assert found.covered.sum(axis=1).tolist() == [6, 12]


def test_the_window_has_the_most_municipality_months_across_the_break():
    usable = np.ones((3, 40), bool)
    usable[0, :10] = False  # starts late
    usable[1, 5] = False  # a gap
    usable[2, :39] = False  # only the last month
    window = constant_window(usable, break_at=25, minimum=8)
    assert (window.first, window.end, window.rows) == (10, 40, (0, 1))  # 60; one alone from 6 has 34
    assert constant_window(usable[2:], break_at=25, minimum=8) is None
    assert constant_window(np.zeros((0, 0), bool), break_at=0, minimum=8) is None
    few = constant_window(usable[:, :30], break_at=25, minimum=8)
    assert few is not None and few.end == 30  # the best there is, though too few since

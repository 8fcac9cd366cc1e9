"""What a regression cannot honestly give it refuses, naming the term, column or place."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.regression_samples import EVENT, flow_table, in_two, spells, stays
from tracker.domain.errors import EstimateError
from tracker.estimate.fine_gray import cumulative_incidence, fine_gray, fine_gray_late_entry
from tracker.estimate.predicted_occupation import predicted_occupation
from tracker.estimate.predictions import survival
from tracker.estimate.proportional import proportional_hazards
from tracker.estimate.regression import cox

FRAME = spells(1, 200)


def with_sex(values: "str | pd.Series[str]") -> pd.DataFrame:
    return FRAME.assign(sex=values)


def from_start() -> pd.DataFrame:
    """One spell a child, from day 0."""
    return FRAME.drop_duplicates("child").assign(entered=0)


def refused(says: str, attempt: Callable[[], object]) -> None:
    with pytest.raises(EstimateError, match=says):
        attempt()


def test_separation_names_the_term() -> None:
    never = FRAME[~((FRAME["age"] == "7–12") & (FRAME["to"] == "closed"))]
    refused("Separation.*«age: 7–12»", lambda: cox(stays(never), EVENT, "sex + age"))


def test_collinear_columns_are_named() -> None:
    twice = FRAME.assign(place=FRAME["sex"].map({"boy": "north", "girl": "south"}))
    refused("«place: south» is a combination of «sex: girl»", lambda: cox(stays(twice), EVENT, "sex + place"))
    refused("«place: south» does not vary", lambda: cox(stays(FRAME), EVENT, "place", strata=["place"]))


def test_one_level_only() -> None:
    refused("«sex» has one level only", lambda: cox(stays(with_sex("boy")), EVENT, "sex"))


def test_missing_covariates() -> None:
    some = with_sex(FRAME["sex"].where(FRAME.index > 3))
    refused("«sex» is missing", lambda: cox(stays(some), EVENT, "sex"))


def test_no_events_and_nobody_at_risk() -> None:
    none = FRAME[FRAME["to"] != "closed"]
    refused("no event: nobody .* open → closed", lambda: cox(stays(none), EVENT, "sex"))
    refused("Nobody is ever at risk of closed → open", lambda: cox(stays(FRAME), ("closed", "open"), "sex"))
    refused("no state «gone»", lambda: cox(stays(FRAME), ("gone", "open"), "sex"))


def test_columns_and_terms() -> None:
    refused("Columns are missing: size", lambda: cox(stays(FRAME), EVENT, "size"))
    refused("at least one term", lambda: cox(stays(FRAME), EVENT, []))
    refused("given once", lambda: cox(stays(FRAME), EVENT, "sex + sex"))
    refused("«adult» does not occur", lambda: cox(stays(FRAME), EVENT, "age", reference={"age": "adult"}))
    refused("in no term: place", lambda: cox(stays(FRAME), EVENT, "age", reference={"place": "north"}))


def test_counts_have_no_persons() -> None:
    table = flow_table(FRAME)
    refused("holds no persons", lambda: cox(table, EVENT, "sex", cluster="subject"))
    negative = table.assign(count=-table["count"])
    refused("counts of zero or more", lambda: cox(negative, EVENT, "sex"))
    left_only = table[(table["flow"] != "entered") | (table["day"] > 0)]
    refused("lacks entries", lambda: cox(left_only, EVENT, "sex"))
    halves = table.assign(count=table["count"] / 2)
    refused("whole numbers", lambda: cox(halves, EVENT, "sex"))


def test_few_clusters() -> None:
    refused("2 clusters cannot carry", lambda: cox(stays(FRAME), EVENT, "sex + age", cluster="place"))
    refused("no column «school»", lambda: cox(stays(FRAME), EVENT, "sex", cluster="school"))


def test_no_logarithm_of_day_zero() -> None:
    fit = cox(stays(FRAME), EVENT, "sex")
    refused("no logarithm", lambda: proportional_hazards(fit, "log"))


def test_predictions_for_what_the_model_does_not_know() -> None:
    fit = cox(stays(FRAME), EVENT, "sex", strata=["place"])
    refused("no level «other»", lambda: survival(fit, pd.DataFrame({"sex": ["other"]})))
    refused("missing: sex", lambda: survival(fit, pd.DataFrame({"age": ["0–6"]})))
    refused("need its columns: place", lambda: predicted_occupation([fit], with_sex("boy")[["sex"]], "open"))
    east = pd.DataFrame({"sex": ["boy"], "place": ["east"]})
    refused("no event in the fit", lambda: survival(fit, east))
    boy = east.assign(place="north")
    refused("followed past", lambda: predicted_occupation([fit], boy, "open", since=999))
    refused("add to one", lambda: predicted_occupation([fit], boy, {"open": 0.5}))
    refused("one fit for each", lambda: predicted_occupation([fit, fit], boy, "open"))


def test_curves_end_where_nobody_is_followed() -> None:
    fit = cox(stays(FRAME), EVENT, "sex")
    last = float(FRAME["left"].max())
    read = survival(fit, pd.DataFrame({"sex": ["boy"]})).at([last, last + 1])
    assert read["status"].tolist() == ["value", "too_recent"]
    assert np.isnan(read["estimate"].iloc[1])


def test_fine_gray_is_defined_for_one_entry_and_fixed_covariates() -> None:
    refused("some enter again", lambda: fine_gray_late_entry(stays(FRAME), EVENT, "sex"))
    late = FRAME.drop_duplicates("child")
    refused("enter late", lambda: fine_gray(stays(late), EVENT, "sex"))
    refused("unweighted", lambda: fine_gray(stays(from_start(), "weight"), EVENT, "sex"))
    fit = cox(stays(FRAME), EVENT, "sex")
    refused("Fine–Gray fit", lambda: cumulative_incidence(fit, pd.DataFrame({"sex": ["boy"]})))


def test_fine_gray_joins_pieces_of_a_stay_but_not_changed_covariates() -> None:
    whole = from_start()
    pieces = in_two(whole, 2)
    one, two = (fine_gray(stays(frame), EVENT, "sex + age") for frame in (whole, pieces))
    np.testing.assert_allclose(one.estimates, two.estimates, atol=1e-10)
    np.testing.assert_allclose(one.covariance, two.covariance, atol=1e-10)
    changed = pieces.assign(sex=np.where(pieces["entered"] > 0, "girl", pieces["sex"]))
    refused("covariates that change", lambda: fine_gray(stays(changed), EVENT, "sex"))

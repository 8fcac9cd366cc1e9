"""Fine–Gray regression against cmprsk's ``crr`` and survival's ``finegray``."""

import numpy as np
import pandas as pd
import pytest

from tests.golden.regression_data import close, expected, mgus2
from tracker.estimate.fine_gray import cumulative_incidence, fine_gray, fine_gray_late_entry
from tracker.estimate.partial_likelihood import Ties

MGUS2 = expected("mgus2")
CAUSES = ["pcm", "death"]


@pytest.mark.parametrize("cause", CAUSES)
def test_as_crr(cause: str) -> None:
    wanted = MGUS2[f"finegray_crr_{cause}"]
    fit = fine_gray(mgus2(), ("free", cause), ["age", "sex"])
    close(fit.frame["estimate"], list(wanted["coef"].values()))
    close(fit.covariance, np.array(wanted["var"]["data"]))
    close(fit.model_covariance, np.array(wanted["inverse_information"]["data"]))
    close(fit.log_likelihood, [wanted["loglik_null"], wanted["loglik"]])
    patterns = pd.DataFrame({"age": [60, 80, 60, 80], "sex": ["F", "F", "M", "M"]})
    times = [float(time) for time in wanted["predicted_cif"]["rows"]]
    found = cumulative_incidence(fit, patterns).at(times)["estimate"].to_numpy().reshape(4, -1).T
    close(found, np.array(wanted["predicted_cif"]["data"]))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("cause", CAUSES)
def test_as_finegray_and_weighted_cox(cause: str, ties: Ties) -> None:
    wanted = MGUS2[f"finegray_coxph_{cause}_{ties}"]
    fit = fine_gray_late_entry(mgus2(), ("free", cause), ["age", "sex"], ties=ties)
    close(fit.frame["estimate"], list(wanted["coef"].values()))
    close(fit.frame["std_error"], list(wanted["se_robust"].values()))
    close(fit.frame["std_error_model"], list(wanted["se_model"].values()))
    close(fit.log_likelihood, [wanted["loglik_null"], wanted["loglik"]])

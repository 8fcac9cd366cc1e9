"""The two years after a first referral: where children are, who gets an intervention, who comes back.

For the researcher. Run it cell by cell in an editor that knows ``# %%``, or whole:
``SNAPSHOT=snapshot FIGURES=figures python analyses/notebooks/two_years.py``.
"""

# %%
import os
from pathlib import Path

import tracker.study

SNAPSHOT = os.environ.get("SNAPSHOT", "snapshot")
FIGURES = Path(os.environ.get("FIGURES", "figures"))

study = tracker.study.open(SNAPSHOT)
print(study)

# %% [markdown]
# ## Who is followed
# The cohort is declared beside this file: first referral 2022 to mid-2024, nothing open in the half-year
# before, followed for two years. Every rule says whom it leaves out.

# %%
cohort = study.cohort(Path(__file__).with_name("two_years.yaml"))
print(cohort)
print(cohort.attrition[["rule", "children", "children_left_out"]].to_string(index=False))
print(cohort.composition.to_string(index=False))

# %% [markdown]
# ## Where they are
# Days count from the first referral and run on through later episodes, so a child may be back in `referral`.
# Aalen–Johansen needs no model; its robust variance allows for the same child passing a state twice.

# %%
flow = cohort.flow_table(clock="entry", by=["sex"])
occupation = flow.aalen_johansen()
occupation.plot(title="Where children are after the first referral").save(FIGURES / "occupation.png")
print(occupation.at([90, 365, 730]).pivot_table(index=["sex", "state"], columns="time", values="estimate"))
print(occupation.robust_expected_time([730]).frame.to_string(index=False))

# %% [markdown]
# ## An intervention, for the first time
# Growing up and dying compete; moving out and the end of deliveries censor.

# %%
intervention = cohort.incidence("intervention", by=["age_band"])
intervention.plot(title="First intervention after the first referral").save(FIGURES / "intervention.png")
print(intervention.at([120, 365, 730])[["age_band", "time", "estimate", "lower", "upper", "status"]])

# %% [markdown]
# ## From referral to investigation
# Cause-specific hazard ratios on the clock of the stay, clustered on the child. Do they hold over time?

# %%
model = cohort.cox("referral -> investigation", ["sex", "age_band"])
model.plot().save(FIGURES / "investigation.png")
print(model)
print(model.proportional_hazards().frame.to_string(index=False))

# %% [markdown]
# ## Coming back
# The mean number of new referrals per child, growing up and dying ending it; how soon after a closing; and
# whose rate is higher. One child comes back often: variances are clustered on the child.

# %%
again = cohort.recurrence("referral", out_of="closed", terminal=["adult", "dead"], by=["sex"])
again.mean_count().plot(title="New referrals per child").save(FIGURES / "again.png")
soon = again.gaps().select(cause="referral")
soon.plot(title="A new referral after everything was closed").save(FIGURES / "soon.png")
print(soon.at([180, 365])[["sex", "time", "estimate", "lower", "upper", "status"]])
rates = cohort.recurrence("referral", out_of="closed", terminal=["adult", "dead"])
print(rates.andersen_gill(["sex", "age_band"]))

"""Municipalities and years compared: what became of referrals, the statutory times, the key figure.

For the policy analyst. Run it cell by cell in an editor that knows ``# %%``, or whole:
``SNAPSHOT=snapshot FIGURES=figures python analyses/notebooks/municipalities.py``.
"""

# %%
import os
from datetime import date
from pathlib import Path

import tracker.study
from tracker.domain.periods import Period

SNAPSHOT = os.environ.get("SNAPSHOT", "snapshot")
FIGURES = Path(os.environ.get("FIGURES", "figures"))

study = tracker.study.open(SNAPSHOT)
print(study)

# %% [markdown]
# ## What became of the referrals
# The flow of everyone, then shares by municipality. A share's denominator is who reached the step and whose
# outcome is known; who is too recent, or was not delivered, is counted in rows of their own.

# %%
years = Period(date(2023, 1, 1), date(2024, 12, 31))
everyone = study.flow_summary(entry=years)
everyone.plot().save(FIGURES / "flow.svg")
by_place = study.flow_summary(by=["municipality", "year"], entry=years)
opened = by_place.share("investigation", "opened")
opened.plot(title="Referrals that opened an investigation").save(FIGURES / "opened.png")
print(opened.frame.drop(columns="outcome").to_string(index=False))
print(by_place.definitions["entry cohort"])

# %% [markdown]
# ## Within the time the law gives
# Fourteen days for the assessment of a referral, four calendar months for an investigation.

# %%
for clock, title in (
    ("clock_14_days", "Assessed within 14 days"),
    ("clock_4_months", "Investigated within four months"),
):
    by_place.share(clock, "within").plot(title=title).save(FIGURES / f"{clock}.png")

# %% [markdown]
# ## The key figure: children who did not come back within a year
# As municipalities report it to Kolada. Small municipalities have wide intervals: read those, not the rank.

# %%
figures = study.key_figures()
not_returned = figures.share_not_returned("0-12")
not_returned.plot(title="Children 0–12 who did not return within a year").save(FIGURES / "not_returned.png")
print(not_returned.frame.to_string(index=False))
print(figures.mean_investigation_time().frame.query("municipality == 'all'").to_string(index=False))

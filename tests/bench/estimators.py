"""Estimators against what is used today. One function a row or two."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from tests.bench.occupation import against_r, from_flow_tables, robust_variance
from tests.bench.report import Line, sized
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.regression import cox
from tracker.estimate.risk_sets import END

Given = TypeVar("Given")

LEVELS = {"sex": 2, "age": 4, "reason": 3, "size": 3, "need": 2, "cohort": 5}
DAYS = 730
IN_R = """
suppressMessages(library(survival))
d <- read.csv("spells.csv", colClasses = c(rep("factor", 6), "integer", "integer", "integer"))
used <- system.time(fit <- coxph(Surv(start, stop, event) ~ sex + age + reason + size + need + cohort, d))
cat(sum(used[1:2]), coef(fit))
"""


def processor(who: int = RUSAGE_SELF) -> float:
    """Processor seconds used so far."""
    used = getrusage(who)
    return used.ru_utime + used.ru_stime


def spent(work: Callable[[], Given]) -> tuple[float, Given]:
    """Processor seconds of some work, done once, and what it gave."""
    before = processor()
    given = work()
    return processor() - before, given


def synthetic_spells(number: int) -> pd.DataFrame:
    """Spells (start, stop] in days with six categorical covariates, late entry and heavy ties; synthetic."""
    random = np.random.default_rng(number)
    codes = np.column_stack([random.integers(0, levels, number) for levels in LEVELS.values()])
    linear = codes @ np.array([0.3, -0.1, 0.2, 0.1, -0.2, 0.05])
    event = 1 + np.floor(random.exponential(500 * np.exp(-linear)))
    seen = random.integers(1, DAYS + 1, number)
    start = np.where(random.random(number) < 0.2, random.integers(0, 100, number), 0)
    frame = pd.DataFrame(codes, columns=list(LEVELS)).astype(str)
    frame["start"], frame["stop"] = start, np.minimum(event, seen).astype(int)
    frame["event"] = (event <= seen).astype(int)
    return frame[frame["stop"] > frame["start"]].reset_index(drop=True)


def counted(spells: pd.DataFrame) -> pd.DataFrame:
    """Their flow table."""
    keys = list(LEVELS)
    came = spells.groupby([*keys, "start"]).size().rename("count").reset_index()
    went = spells.groupby([*keys, "stop", "event"]).size().rename("count").reset_index()
    came = came.rename(columns={"start": "day"}).assign(flow="entered", step=END, to_state=None)
    event = went["event"] == 1
    went = went.rename(columns={"stop": "day"}).drop(columns="event")
    went["flow"] = np.where(event, "transition", "censored")
    went["step"], went["to_state"] = np.where(event, 1, END), event.map({True: "closed", False: None})
    return pd.concat([came, went], ignore_index=True).assign(state="open")


def cox_of(counts: pd.DataFrame) -> CoxFit:
    """Exact Efron Cox from the flow table."""
    return cox(counts, ("open", "closed"), list(LEVELS))


def cox_against_lifelines(scale: str) -> Iterator[Line]:
    """Exact Efron Cox against lifelines' CoxPHFitter on the same rows, as far as that is feasible."""
    for number in (10_000, 30_000, 100_000, *([1_000_000] if scale == "full" else [])):
        spells = synthetic_spells(number)
        building, counts = spent(partial(counted, spells))
        ours, fit = spent(partial(cox_of, counts))
        theirs, found = spent(partial(in_lifelines, spells))
        yield Line(
            f"Cox, {sized(number)} spells / lifelines, processor seconds",
            ours / theirs,
            0.01,
            note=(
                f"{theirs / ours:.0f}× faster, with building the table {theirs / (ours + building):.0f}×; "
                f"coefficients within {np.abs(fit.estimates - found).max():.0e}"
            ),
            details={"ours": ours, "building": building, "lifelines": theirs, "rows": len(counts)},
        )


def in_lifelines(spells: pd.DataFrame) -> np.ndarray[Any, Any]:
    """The coefficients by lifelines."""
    from lifelines import CoxPHFitter  # measured, not used

    frame = pd.get_dummies(spells[list(LEVELS)], drop_first=True, dtype=float)
    frame[["start", "stop", "event"]] = spells[["start", "stop", "event"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = CoxPHFitter().fit(frame, "stop", "event", entry_col="start")
    return np.asarray(fitted.params_, float)


def cox_against_r(scale: str) -> Iterator[Line]:
    """Exact Efron Cox against R's coxph, where R is installed."""
    if shutil.which("Rscript") is None:
        return
    for number in (100_000, 1_000_000, *([10_000_000] if scale == "full" else [])):
        spells = synthetic_spells(number)
        building, counts = spent(partial(counted, spells))
        ours, fit = spent(partial(cox_of, counts))
        theirs, found = in_r(spells)
        yield Line(
            f"Cox, {sized(number)} spells / R's coxph, processor seconds",
            ours / theirs,
            1.0,
            note=(
                f"{theirs / ours:.0f}× faster, with building the table {theirs / (ours + building):.0f}×; "
                f"{ours:.2f} s; coefficients within {np.abs(fit.estimates - found).max():.0e}"
            ),
            details={"ours": ours, "building": building, "R": theirs, "rows": len(counts)},
        )


def in_r(spells: pd.DataFrame) -> tuple[float, np.ndarray[Any, Any]]:
    """Processor seconds of the fit alone, and the coefficients, by R."""
    with tempfile.TemporaryDirectory() as folder:
        spells.to_csv(Path(folder) / "spells.csv", index=False)
        asked = ["Rscript", "-e", f"options(digits = 12); {IN_R}"]
        told = subprocess.run(asked, cwd=folder, check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), np.array(told[1:], float)


ROWS = (from_flow_tables, robust_variance, against_r, cox_against_lifelines, cox_against_r)
"""Every function gives its rows for a scale, quick or full."""


def estimators(scale: str) -> Iterator[Line]:
    """All rows."""
    for row in ROWS:
        yield from row(scale)

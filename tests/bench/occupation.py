"""State occupation: from the flow table against two GROUP BYs, from spells against R; robust variance."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from tests.bench import watched
from tests.bench.flow_table import (
    SIZES,
    STRATA,
    counted,
    group_by,
    opened,
    synthetic_spells,
    timed,
    write_spells,
)
from tests.bench.place import made_once
from tests.bench.report import Line, sized
from tracker.estimate.from_stays import columns_as_stays
from tracker.estimate.influence import influence_tables
from tracker.estimate.occupation import Occupation, aalen_johansen
from tracker.estimate.risk_sets import flow_counts
from tracker.estimate.squared_influence import squared_influence
from tracker.projections.engines import collected, duckdb_table
from tracker.projections.flow_clock import Clock
from tracker.projections.flow_stays import stays_on_clock
from tracker.projections.flow_table import FlowTable

MORE = (*STRATA, "entry_half")
"""Of these there are 96 strata."""

STATED_AT = 10_000_000
"""The spells at which the issue states its bounds; smaller sizes show the growth."""

TIMES = tuple(range(29, 730, 29))
READ_AT = (30, 90, 180, 365, 700)

SURVFIT = """
suppressMessages(library(survival))
d <- read.csv("spells.csv", stringsAsFactors = TRUE)
d$event <- factor(d$event, c("none", levels(d$state)))
used <- system.time(fit <- survfit(Surv(start, stop, event) ~ 1, d, id = id, istate = state))
s <- summary(fit, times = c(30, 90, 180, 365, 700))
cat(sum(used[1:2]), s$pstate[, order(fit$states)], s$std.err[, order(fit$states)])
"""
ETM = """
suppressMessages(library(etm))
d <- read.csv("spells.csv")
names(d)[names(d) == "state"] <- "from"
names(d)[names(d) == "start"] <- "entry"
names(d)[names(d) == "stop"] <- "exit"
d$to <- ifelse(d$event == "none", "cens", d$event)
states <- sort(unique(d$from))
occurs <- function(a, b) paste(a, b) %in% paste(d$from, d$to)
tra <- outer(states, states, occurs)
used <- system.time(fit <- etm(d, states, tra, "cens", 0))
s <- summary(fit, times = c(30, 90, 180, 365, 700))
at <- function(to, what) s[[paste("referral", to)]][, what]
cat(sum(used[1:2]), sapply(states, at, "P"), sqrt(sapply(states, at, "var")))
"""


def from_flow_tables(scale: str) -> Iterator[Line]:
    """Occupation with covariance from the flow table in 48 and 96 strata, as the number of spells grows."""
    for spells in SIZES[scale]:
        folder = str(synthetic_spells(spells))
        for by in (STRATA, MORE):
            told = watched.run(
                "occupation", None, folder=folder, by=",".join(by), repeats=_repeats(spells)
            ).answer
            yield Line(
                f"occupation and covariance, {told['strata']} strata × {told['days']} days, {sized(spells)} "
                "spells, from the flow table / two bare GROUP BYs, processor seconds",
                told["occupation_processor"] / told["group_by_processor"],
                1.0 if spells >= STATED_AT else None,
                note=f"{told['occupation_processor']:.2f} s / {told['group_by_processor']:.2f} s",
                details=told,
            )


def robust_variance(scale: str) -> Iterator[Line]:
    """Variance clustered on child at 25 days, against the flow table of the same spells.

    Up to 10⁷: the stays are held in memory, 3.6 GB of them then.
    """
    for spells in (number for number in SIZES[scale] if number <= STATED_AT):
        told = watched.run("robust", None, folder=str(synthetic_spells(spells)), repeats=3)
        yield Line(
            f"robust variance at {len(TIMES)} days, {sized(spells)} spells / flow table, processor seconds",
            told.answer["robust_processor"] / told.answer["flow_processor"],
            5.0 if spells >= STATED_AT else None,
            note=f"{told.answer['robust_processor']:.2f} s / {told.answer['flow_processor']:.2f} s",
            details={**told.answer, "peak memory MB": told.peak},
        )


def against_r(scale: str) -> Iterator[Line]:
    """From spells to curves with intervals, everything included, against survfit and etm where they are."""
    for spells in (100_000, 1_000_000):
        folder = made_once(f"paths-of-days-{spells}", partial(write_spells, number=spells, shortest=1))
        told = watched.run("occupation_from_spells", None, folder=str(folder), repeats=3).answer
        rows = _for_r(folder)
        for name, script, bound in (("survfit", SURVFIT, 1 / 20), ("etm", ETM, 1.0)):
            if (found := _in_r(name, script, rows)) is None:
                continue
            theirs, values = found
            yield Line(
                f"occupation with errors, {sized(spells)} spells, everything / R's {name}, processor seconds",
                told["all_processor"] / theirs,
                bound if spells == 1_000_000 else None,
                note=f"{theirs / told['all_processor']:.0f}× faster; {_apart(name, told, values)}",
                details={"ours": told["all_processor"], name: theirs},
            )


def occupation(folder: str, by: str, repeats: int) -> dict[str, Any]:
    """Both in turn, after a warm-up: from the flow table in memory to occupation and covariance."""
    strata = tuple(by.split(","))
    with opened(folder) as connection:
        table = counted(connection, strata)
        fit = _fitted(table)
        group_by(connection, strata)
        ours, bare = [], []
        for _ in range(repeats):
            ours.append(timed(lambda: _fitted(table))[1])
            bare.append(timed(lambda: group_by(connection, strata))[1])
    return {
        "occupation_processor": median(ours),
        "group_by_processor": median(bare),
        "strata": len(fit.risk.strata),
        "days": int(fit.followed_to.max()) + 1,
        "moments": len(fit.steps),
        "cells": table.table.num_rows,
        "repeats": repeats,
    }


def from_spells(folder: str, repeats: int) -> dict[str, Any]:
    """From the Parquet file to curves with intervals; and what they say at some days."""
    taken = [timed(lambda: _curves(folder)) for _ in range(repeats)]
    fit = _curves(folder)
    done = [fit.steps.before(day) for day in READ_AT]
    variance = np.diagonal(fit.covariance[done, 0], axis1=1, axis2=2)
    order = np.argsort(fit.risk.states)
    return {
        "all_processor": median(used for _, used in taken),
        "probability": fit.probability[done, 0][:, order].T.ravel().tolist(),
        "std_error": np.sqrt(variance)[:, order].T.ravel().tolist(),
    }


def robust(folder: str, repeats: int) -> dict[str, Any]:
    """The flow table and the second pass over spells, in turn: reading them, their numbers, the sums."""
    with opened(folder) as connection:
        fit = _fitted(counted(connection, STRATA))
        flows, passes = [], []
        for _ in range(repeats):
            flows.append(timed(lambda: counted(connection, STRATA))[1])
            passes.append(timed(lambda: _second_pass(connection, fit))[1])
    return {"robust_processor": median(passes), "flow_processor": median(flows), "repeats": repeats}


def _second_pass(connection: Any, fit: Occupation) -> None:
    spells = duckdb_table(connection, "spells")
    rows = collected(stays_on_clock(spells, Clock.ENTRY, STRATA))
    squared_influence(columns_as_stays(rows, STRATA), influence_tables(fit, TIMES))


def _fitted(table: FlowTable) -> Occupation:
    return aalen_johansen(flow_counts(table.frame(), table.strata))


def _curves(folder: str) -> Occupation:
    with opened(folder) as connection:
        fit = _fitted(counted(connection, ()))
    fit.curves()
    return fit


def _for_r(folder: Path) -> pd.DataFrame:
    """Spells in days as R takes them: no stay without length (that of a child last seen as it moved)."""
    with opened(str(folder)) as connection:
        rows: pd.DataFrame = connection.sql("""
            SELECT subject_id AS id, entered_on - origin_on AS start, left_on - origin_on AS stop, state,
                   coalesce(to_state, 'none') AS event
            FROM spells WHERE left_on > entered_on ORDER BY id, start
        """).df()
        return rows


def _in_r(package: str, script: str, rows: pd.DataFrame) -> tuple[float, np.ndarray[Any, Any]] | None:
    """Processor seconds of the fit alone, and the numbers it prints; None where R or the package is not."""
    if shutil.which("Rscript") is None:
        return None
    library = {"survfit": "survival"}.get(package, package)
    asked = f'cat(requireNamespace("{library}", quietly = TRUE))'
    if subprocess.run(["Rscript", "-e", asked], check=True, capture_output=True, text=True).stdout != "TRUE":
        return None
    with tempfile.TemporaryDirectory() as folder:
        rows.assign(id=pd.factorize(rows["id"])[0]).to_csv(Path(folder) / "spells.csv", index=False)
        run = ["Rscript", "-e", f"options(digits = 15); {script}"]
        told = subprocess.run(run, cwd=folder, check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), np.array(told[1:], float)


def _apart(name: str, told: dict[str, Any], values: np.ndarray[Any, Any]) -> str:
    """How far what R says is from ours; its errors are clustered where ours are from counts."""
    half = len(values) // 2
    probability = np.abs(values[:half] - told["probability"]).max()
    if name == "survfit":
        return f"probabilities within {probability:.0e}, errors by it clustered on child"
    errors = np.abs(values[half:] - told["std_error"]).max()
    return f"probabilities within {probability:.0e}, errors within {errors:.0e}"


def _repeats(spells: int) -> int:
    return 3 if spells < 10**8 else 1

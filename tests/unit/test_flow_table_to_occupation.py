"""Occupation by the flow table an engine counts, and by the stays one by one: the same at 100 000 spells."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.bench.flow_table import opened, write_spells
from tracker.estimate.occupation import Occupation, aalen_johansen
from tracker.estimate.risk_sets import RiskSets, count, flow_counts, spells_as_stays
from tracker.estimate.sojourn import expected_time
from tracker.projections.engines import duckdb_table
from tracker.projections.flow_clock import END, Clock
from tracker.projections.flow_counting import count_flows

SPELLS = 100_000
STRATA = ("sex", "size_class")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic spells, some seen late, some of no length, many on the same day."""
    out = tmp_path_factory.mktemp("spells")
    write_spells(out, SPELLS, 0)
    return out


@pytest.fixture(scope="module")
def connection(folder: Path) -> duckdb.DuckDBPyConnection:
    return opened(str(folder))


@pytest.fixture(scope="module")
def spells(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "spells.parquet")


def one_by_one(spells: pd.DataFrame, strata: tuple[str, ...]) -> RiskSets:
    """The risk sets by pandas, from dates: nothing of the flow table is used."""
    origin = pd.to_datetime(spells["origin_on"])
    frame = spells[["subject_id", "state", "entered_step", "left_step", *strata]].assign(
        entered=(pd.to_datetime(spells["entered_on"]) - origin).dt.days,
        left=(pd.to_datetime(spells["left_on"]) - origin).dt.days,
        to_state=spells["to_state"].where(spells["exit"] == "transition"),
    )
    stays = spells_as_stays(frame, entered_step="entered_step", left_step="left_step", strata=strata)
    return count(stays)


def told(fit: Occupation) -> dict[tuple[object, ...], tuple[float, ...]]:
    """Every row of the curves, by what it is of."""
    frame = fit.curves().frame
    keys = [*fit.risk.strata.columns, "state", "time", "step"]
    numbers = ["at_risk", "events", "estimate", "std_error"]
    rows = zip(frame[keys].itertuples(index=False), frame[numbers].itertuples(index=False), strict=True)
    return {tuple(key): tuple(row) for key, row in rows}


@pytest.mark.parametrize("strata", [(), STRATA])
def test_the_flow_table_and_the_stays_give_the_same_occupation(
    connection: duckdb.DuckDBPyConnection, spells: pd.DataFrame, strata: tuple[str, ...]
) -> None:
    assert len(spells) == SPELLS
    assert (spells["entered_step"] == END).sum() > 1_000
    assert (spells["entered_on"] == spells["left_on"]).sum() > 500
    table = count_flows(duckdb_table(connection, "spells"), Clock.ENTRY, strata)
    counted, listed = flow_counts(table.frame(), strata), one_by_one(spells, strata)
    for name in ("at_risk", "moved", "entered", "censored"):
        np.testing.assert_array_equal(getattr(counted, name), getattr(listed, name))
    ours, theirs = aalen_johansen(counted), aalen_johansen(listed)
    assert told(ours) == told(theirs)
    assert len(told(ours)) > 3_000
    np.testing.assert_array_equal(ours.covariance, theirs.covariance)
    time = expected_time(ours, [365, 700]).frame
    assert time["estimate"].to_numpy() == pytest.approx(
        expected_time(theirs, [365, 700]).frame["estimate"].to_numpy(), abs=1e-12
    )
    by_horizon = time.groupby([*strata, "horizon"])["estimate"].sum()
    assert by_horizon.to_numpy() == pytest.approx(by_horizon.index.get_level_values("horizon").to_numpy())

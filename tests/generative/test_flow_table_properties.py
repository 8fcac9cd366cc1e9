"""Properties of flow tables: they add up, and neither order, names nor breaks in two change what they say."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow_tables import in_duckdb
from tests.generated_spells import MUNICIPALITIES, generated_spells
from tracker.estimate import risk_sets as risk_sets_module
from tracker.estimate.risk_sets import RiskSets, flow_counts
from tracker.projections.engines import collected
from tracker.projections.flow_clock import END, Clock
from tracker.projections.flow_counting import Origin, count_flows
from tracker.projections.flow_merge import merge
from tracker.projections.flow_pieces import Piece, in_pieces
from tracker.projections.flow_table import CENSORED, ENTERED, TRANSITION, FlowTable, Source, flow_table
from tracker.projections.rules import Unit

FEW = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10_000)
clocks = st.sampled_from(Clock)
horizons = st.sampled_from([None, 0, 30, 400])
days = st.dates(date(2022, 12, 1), date(2026, 1, 1))
strata = st.sampled_from([(), ("sex",), ("age_group", "sex")])


def cells(table: pa.Table) -> Counter[tuple[Any, ...]]:
    rows = [tuple(sorted(row.items(), key=lambda item: item[0])) for row in table.to_pylist()]
    return Counter({tuple(v for k, v in row if k != "count"): dict(row)["count"] for row in rows})


def counted(spells: pa.Table, clock: Clock, by: tuple[str, ...], horizon: int | None = None) -> FlowTable:
    places = tuple(sorted(set(spells.column("municipality").to_pylist())))
    origin = Origin(Unit.CHILD_MUNICIPALITY, source=Source(places, 1, "tracker", True))
    return count_flows(in_duckdb(spells), clock, by, horizon=horizon, origin=origin)


@FEW
@given(seeds, clocks, strata, horizons)
def test_municipal_tables_add_up_to_that_of_the_nation(
    seed: int, clock: Clock, by: tuple[str, ...], horizon: int | None
) -> None:
    national = generated_spells(seed, 40)
    own = [national.filter(pc.field("municipality") == place) for place in MUNICIPALITIES]
    merged = merge([counted(spells, clock, by, horizon) for spells in own if spells.num_rows])
    whole = counted(national, clock, by, horizon)
    assert cells(merged.table) == cells(whole.table)
    assert merged.municipalities == whole.municipalities


@FEW
@given(seeds, clocks, horizons)
def test_what_a_table_says_is_what_its_spells_say_one_by_one(
    seed: int, clock: Clock, horizon: int | None
) -> None:
    spells = generated_spells(seed, 30)
    assert cells(counted(spells, clock, ("sex",), horizon).table) == by_hand(spells, clock, horizon)


def by_hand(spells: pa.Table, clock: Clock, horizon: int | None) -> Counter[tuple[Any, ...]]:
    """The same counts, spell by spell in plain Python."""
    found: Counter[tuple[Any, ...]] = Counter()
    for s in spells.to_pylist():
        if clock is Clock.EPISODE and s["state"] == "closed":
            continue
        origin = {
            Clock.ENTRY: s["origin_on"],
            Clock.EPISODE: s["episode_entered_on"],
            Clock.STATE: s["state_entered_on"],
            Clock.AGE: s["birth_month"],
            Clock.CALENDAR: date(1970, 1, 1),
        }[clock]
        entered = ((s["entered_on"] - origin).days, 0 if clock is Clock.STATE else s["entered_step"])
        to = s["to_state"] if s["exit"] in ("transition", "absorbing") else None
        step = END if to is None else 1 if clock is Clock.STATE else s["left_step"]
        left = ((s["left_on"] - origin).days, step)
        if horizon is not None and entered >= (horizon, END):
            continue
        if horizon is not None and left > (horizon, END):
            left, to = (horizon, END), None
        found[_cell(s, "entered", None, entered)] += 1
        found[_cell(s, "censored" if to is None else "transition", to, left)] += 1
    return found


def _cell(spell: dict[str, Any], flow: str, to: str | None, moment: tuple[int, int]) -> tuple[Any, ...]:
    named = {"state": spell["state"], "sex": spell["sex"], "flow": flow, "to_state": to}
    return tuple(v for _, v in sorted((named | {"day": moment[0], "step": moment[1]}).items()))


@FEW
@given(seeds, clocks)
def test_order_and_names_of_children_do_not_matter(seed: int, clock: Clock) -> None:
    spells = generated_spells(seed, 30)
    order = list(range(spells.num_rows))
    random.Random(seed).shuffle(order)
    renamed = pc.utf8_reverse(spells.column("subject_id"))
    other = spells.set_column(0, "subject_id", renamed).take(order)
    assert cells(counted(spells, clock, ("sex",)).table) == cells(counted(other, clock, ("sex",)).table)


@FEW
@given(
    seeds,
    clocks,
    st.dates(date(2022, 12, 1), date(2026, 1, 1)),
    st.dates(date(2022, 12, 1), date(2026, 1, 1)),
)
def test_breaking_stays_in_two_leaves_who_is_at_risk_and_who_moves(
    seed: int, clock: Clock, one: date, other: date
) -> None:
    spells = in_duckdb(generated_spells(seed, 30))
    cuts = [Piece(day, str(day)) for day in sorted({one, other})]
    broken = in_pieces(spells, "part", "before", cuts)
    whole, parts = risk_sets(spells, clock), risk_sets(broken, clock)
    assert known(whole) == known(parts)
    as_strata = risk_sets(broken, clock, "part")
    assert known(as_strata.pooled()) == known(whole)


def risk_sets(spells: ir.Table, clock: Clock, *by: str) -> RiskSets:
    return flow_counts(collected(flow_table(spells, clock, by)).to_pandas(), by)


def known(sets: RiskSets) -> dict[tuple[float, int], Any]:
    """At risk and moved, at the moments at which anyone moves."""
    moments = zip(sets.moments.time, sets.moments.step, strict=True)
    both = zip(moments, sets.at_risk[0].tolist(), sets.moved[0].tolist(), strict=True)
    return {(time, int(step)): (at_risk, moved) for (time, step), at_risk, moved in both if any(moved)}


@FEW
@given(seeds)
def test_pieces_have_the_covariate_of_their_days(seed: int) -> None:
    spells, cut = in_duckdb(generated_spells(seed, 30)), date(2024, 7, 1)
    for row in collected(in_pieces(spells, "part", "before", [Piece(cut, "since")])).to_pylist():
        at_risk_from = row["entered_on"] + timedelta(row["entered_step"] == END)
        assert row["left_on"] < cut if row["part"] == "before" else at_risk_from >= cut


def test_the_end_of_a_day_is_the_same_step_here_and_in_the_estimators() -> None:
    assert END == risk_sets_module.END
    assert (ENTERED, TRANSITION, CENSORED) == (
        risk_sets_module.ENTERED,
        risk_sets_module.TRANSITION,
        risk_sets_module.CENSORED,
    )

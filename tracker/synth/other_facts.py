"""Facts around the chain: support without a needs decision, facts about the child, about the municipality.

Frames as in ``facts``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tracker.synth.episodes import NO_LINK, Table
from tracker.synth.fact_columns import ids, person, text
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, Municipality, day_number
from tracker.synth.process import Histories

SUPPORT_TYPES = (
    "parental_support", "family_support", "counselling", "youth_counselling", "child_group",
    "family_centre", "family_counselling", "cooperation_talks",
)  # fmt: skip
PROVIDERS = ("municipality", "other_municipality", "region", "civil_society", "private")
LIVING = ("both_parents", "alternating", "mother", "father", "parent_and_partner", "relative")
CAREGIVERS = ("woman", "man", "woman_and_man")
RESULTS = ("continued", "changed", "ended")


def open_support(h: Histories) -> Table:
    """Support without a needs decision, one row a child and support, dated by month."""
    s = h.supports
    month = s.started.to_numpy().astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
    frame = pd.DataFrame({
        "fid": ids("S", np.arange(len(s))), "child": s.child, "place": s.municipality,
        "day": month.astype(np.int32), "started_on": month.astype(np.int32), "ended_on": s.ended,
        "support_type": text(SUPPORT_TYPES, s.kind.to_numpy()),
        "provider": text(PROVIDERS, s.provider.to_numpy()),
        "living_arrangement": text(LIVING, s.living.to_numpy()),
        "caregiver_sex": text(CAREGIVERS, s.caregiver.to_numpy()),
        "interpreter": np.where(s.interpreter, "yes", "no"), "result": text(RESULTS, s.result.to_numpy()),
        "begun": s.started,
    })  # fmt: skip
    frame = person(frame, h.people, "begun").drop(columns="begun")
    return frame[~frame.unborn].reset_index(drop=True)


def child_facts(h: Histories, first: int, rng: np.random.Generator) -> Table:
    """Moves and deaths of children seen before, and what is known of origin and diagnosis."""
    seen = (
        h.referrals.groupby("child")
        .agg(day=("received", "min"), place=("municipality", "first"))
        .reset_index()
    )
    seen = seen[seen.day >= h.people.birth[seen.child.to_numpy()]]
    child, p = seen.child.to_numpy(), h.people
    moved = (p.moves_on[child] < NEVER) & (p.moves_on[child] > seen.day)
    died = p.dies_on[child] < NEVER
    gone, dead = seen[moved], seen[died]
    left = p.moves_on[gone.child.to_numpy()]
    origin = rng.choice(
        np.array(["sweden", "nordic", "europe", "outside_europe"], dtype=object),
        len(seen),
        p=(0.79, 0.01, 0.06, 0.14),
    )
    ill = rng.random(len(seen)) < 0.17
    kinds = rng.choice(
        np.array(["neuropsychiatric", "intellectual_disability", "psychiatric"], dtype=object),
        int(ill.sum()),
        p=(0.7, 0.12, 0.18),
    )
    parts = [
        _fact(gone.child, gone.place, left, "moved_out", ""),
        _fact(gone.child, p.moves_to[gone.child.to_numpy()], left, "moved_in", ""),
        _fact(dead.child, dead.place, p.dies_on[dead.child.to_numpy()], "died", ""),
        _fact(seen.child, seen.place, seen.day, "country_of_birth", origin),
        _fact(seen.child[ill], seen.place[ill], seen.day[ill], "diagnosis", kinds),
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame.day >= first].reset_index(drop=True)
    return frame.assign(fid=ids("B", np.arange(len(frame))))


def _fact(child: Any, place: Any, day: Any, kind: str, value: Any) -> Table:
    frame = pd.DataFrame({"child": np.asarray(child), "place": np.asarray(place), "day": np.asarray(day)})
    return frame.assign(known_on=frame.day, fact=kind, value=value)


def support_counts(supports: Table) -> Table:
    """The same supports as counts per municipality, month, kind, sex and age group."""
    group = np.clip(supports.age.to_numpy() // 3, 0, 5)
    named = supports.assign(age_group=text(("0-2", "3-5", "6-8", "9-11", "12-14", "15-17"), group))
    keys = ["place", "day", "support_type", "sex", "age_group"]
    counted = named.groupby(keys, sort=True).size().rename("started").reset_index()
    return counted.assign(
        fid=ids("C", np.arange(len(counted))), child=NO_LINK, month=counted.day, registered=counted.day + 31
    )


def municipality_facts(plan: Plan, places: tuple[Municipality, ...], rng: np.random.Generator) -> Table:
    """Population, size class and staff of each municipality, one row a year."""
    years = range(plan.window.first.year, plan.window.last.year + 1)
    rows = []
    for k, place in enumerate(places):
        for year in years:
            grown = round(place.population * (1 + 0.004 * (year - years[0]) + rng.normal(0, 0.001)))
            rows.append(
                (k, day_number(f"{year}-01-01"), year, grown, size_class(grown), round(grown / 4200 + 3, 1))
            )
    frame = pd.DataFrame(rows, columns=["place", "day", "year", "population", "size_class", "staff"])
    return frame.assign(
        fid=ids("K", np.arange(len(frame))), child=NO_LINK, registered=frame.day + 20,
        population_0_17=(frame.population * 0.205).astype(int),
        population_0_20=(frame.population * 0.238).astype(int),
    )  # fmt: skip


def size_class(population: int) -> str:
    """Size class as in NUSO sub-study 1."""
    limits = ((100_000, "large"), (40_000, "medium_large"), (20_000, "medium"))
    return next((name for limit, name in limits if population > limit), "small")

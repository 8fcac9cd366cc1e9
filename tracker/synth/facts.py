"""Clean facts: the simulated histories as records with true codes, one frame a record type.

Every frame has ``fid`` (true id), ``child`` (index, −1 for none), ``place`` (index of the municipality),
``day`` (the date that places it in a period), ``registered`` (day it can first be seen in an export)
and one column a field of the record spec: dates as day numbers (``NEVER`` when absent), codes as text
('' when absent), ``reasons`` as tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tracker.synth.episodes import LAWS, NO_LINK, Table
from tracker.synth.parameters import ACTIONS, NEEDS, REASONS, REFERRERS, TYPES
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, Children, Municipality, age, day_number
from tracker.synth.process import Histories

SUPPORT_TYPES = (
    "parental_support", "family_support", "counselling", "youth_counselling", "child_group",
    "family_centre", "family_counselling", "cooperation_talks",
)  # fmt: skip
PROVIDERS = ("municipality", "other_municipality", "region", "civil_society", "private")
LIVING = ("both_parents", "alternating", "mother", "father", "parent_and_partner", "relative")
CAREGIVERS = ("woman", "man", "woman_and_man")
RESULTS = ("continued", "changed", "ended")
GOALS = ("reached", "partly_reached", "not_reached", "not_assessed")
SITUATIONS = ("improved", "unchanged", "worsened", "not_assessed")
DECISIONS = ("yes", "no", "withdrawn", "")


def clean_facts(
    histories: Histories, plan: Plan, places: tuple[Municipality, ...], rng: np.random.Generator
) -> Mapping[str, Table]:
    """All facts inside the plan's days, by record type."""
    first, last = day_number(plan.window.first), day_number(plan.follow_to)
    frames = {
        "referrals": _referrals(histories, rng),
        "investigations": _investigations(histories, rng),
        "interventions": _interventions(histories, plan, rng),
        "follow_ups": _follow_ups(histories),
        "open_support": _open_support(histories),
        "child_facts": _child_facts(histories, first, rng),
    }
    stops = {"referrals": day_number(plan.window.last)}
    kept = {
        name: frame[frame.day.between(first, stops.get(name, last))].reset_index(drop=True)
        for name, frame in frames.items()
    }
    kept = {
        name: frame.assign(registered=_registered(frame.day.to_numpy(), rng)) for name, frame in kept.items()
    }
    kept["open_support_counts"] = _counts(kept["open_support"])
    kept["municipality_facts"] = _municipality_facts(plan, places, rng)
    return kept


def _registered(day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nearly all is registered within three days; a few per cent much later, so that it comes late."""
    lag = rng.integers(0, 4, len(day))
    late = rng.random(len(day))
    lag = np.where(late < 0.03, rng.integers(5, 60, len(day)), lag)
    lag = np.where(late < 0.008, rng.integers(60, 300, len(day)), lag)
    return (day + lag).astype(np.int32)


def _text(values: tuple[str, ...], index: np.ndarray) -> np.ndarray:
    """Codes by index; −1 becomes ''."""
    return np.asarray(np.asarray((*values, ""), dtype=object)[index])


def _ids(letter: str, numbers: np.ndarray) -> np.ndarray:
    return np.array([f"{letter}{n:07d}" if n >= 0 else "" for n in numbers.tolist()], dtype=object)


def _person(frame: Table, people: Children, day: str) -> Table:
    """Sex, birth date and age at ``day``; nothing but age −1 is known of an unborn child."""
    child, on = frame.child.to_numpy(), frame[day].to_numpy()
    unborn = people.birth[child] > on
    return frame.assign(
        sex=np.where(unborn, "", _text(("girl", "boy"), people.boy[child].astype(int))),
        birth_date=np.where(unborn, NEVER, people.birth[child]),
        age=age(people.birth[child], on),
        unborn=unborn,
    )


def _reasons(frame: Table) -> list[tuple[str, ...]]:
    columns = (frame.reason1.tolist(), frame.reason2.tolist(), frame.reason3.tolist())
    return [tuple(REASONS[r] for r in row if r >= 0) for row in zip(*columns, strict=True)]


def _objects(values: Iterable[object]) -> np.ndarray:
    """A one-dimensional array of tuples (numpy would make two dimensions of them)."""
    listed = list(values)
    result = np.empty(len(listed), dtype=object)
    for k, value in enumerate(listed):
        result[k] = value
    return result


def _referrals(h: Histories, rng: np.random.Generator) -> Table:
    r = h.referrals
    number = np.arange(len(r))
    left_empty = (rng.random(len(r)) < 0.015).tolist()
    reasons = _objects(() if empty else given for empty, given in zip(left_empty, _reasons(r), strict=True))
    linked = r.investigation.to_numpy()
    frame = pd.DataFrame({
        "fid": _ids("R", number), "child": r.child, "place": r.municipality, "day": r.received,
        "received_on": r.received, "referral_type": _text(TYPES, r.type.to_numpy()), "reasons": reasons,
        "referrer": _text(REFERRERS, r.referrer.to_numpy()), "action": _text(ACTIONS, r.action.to_numpy()),
        "action_on": r.concluded, "investigation": _ids("U", linked),
        "case": np.where(linked >= 0, linked, 5_000_000 + number),
    })  # fmt: skip
    return _person(frame, h.people, "received_on")


def _investigations(h: Histories, rng: np.random.Generator) -> Table:
    i = h.investigations
    reasons = _objects(_reasons(i))
    frame = pd.DataFrame({
        "fid": _ids("U", i.investigation.to_numpy()), "child": i.child, "place": i.municipality,
        "day": i.opened, "opened_on": i.opened, "closed_on": i.closed, "reasons": reasons,
        "known_before": np.where(i.known_before, "yes", "no"), "need": _need(i),
        "outcome": _outcome(i, rng), "case": i.investigation,
    })  # fmt: skip
    frame["origins"] = _origins(h, frame)
    return _person(frame, h.people, "opened_on")


def _need(i: Table) -> np.ndarray:
    return np.where(i.cut, "", _text(NEEDS, i.need.to_numpy()))


def _outcome(i: Table, rng: np.random.Generator) -> np.ndarray:
    helped = np.array(["intervention", "refused", "withdrawn", "consent_refused"], dtype=object)
    outcome = np.where(i.need == 0, "no_measure", helped[i.decision.to_numpy()])
    outcome = np.where((i.need == 0) & (rng.random(len(i)) < 0.08), "open_support", outcome)
    outcome = np.where(
        (i.need == 2) & (i.decision == 0) & (rng.random(len(i)) < 0.2), "application_lvu", outcome
    )
    return np.where(i.cut, "moved_or_deceased", outcome)


def _origins(h: Histories, investigations: Table) -> np.ndarray:
    """The referrals that led to each investigation: received no later than it was opened."""
    r = h.referrals
    linked = r.investigation.to_numpy()
    opened = pd.Series(h.investigations.opened.to_numpy(), index=h.investigations.investigation.to_numpy())
    number = np.flatnonzero(linked >= 0)
    number = number[r.received.to_numpy()[number] <= opened.reindex(linked[number]).to_numpy()]
    names = pd.Series(_ids("R", number)).groupby(_ids("U", linked[number])).agg(tuple)
    origins = names.reindex(investigations.fid)
    return _objects(o if isinstance(o, tuple) else () for o in origins)


def _interventions(h: Histories, plan: Plan, rng: np.random.Generator) -> Table:
    d, n = h.interventions, len(h.interventions)
    granted = d.decision.to_numpy() == 0
    law = _text(LAWS, d.law.to_numpy())
    frame = pd.DataFrame({
        "fid": _ids("I", np.arange(n)), "child": d.child, "place": d.municipality, "day": d.decided,
        "decided_on": d.decided,
        "intervention_type": _text(plan.parameters.intervening.kinds, d.kind.to_numpy()),
        "legal_basis": law, "granted": _text(DECISIONS, d.decision.to_numpy()),
        "guardian_consent": _consent(law, (0.88, 0.05, 0.07), rng),
        "started_on": d.started, "ended_on": d.ended, "end_reason": _end_reason(d, h.people, rng),
        "investigation": _ids("U", d.investigation.to_numpy()), "case": d.investigation,
    })  # fmt: skip
    frame = _person(frame, h.people, "decided_on")
    own = np.where(frame.age < 7, "not_applicable", _consent(law, (0.8, 0.08, 0.12), rng))
    return frame.assign(child_consent=np.where(granted, own, ""))


def _consent(law: np.ndarray, shares: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    drawn = rng.choice(np.array(["yes", "no", "partly"], dtype=object), len(law), p=shares)
    return np.where(law == "sol", np.where(drawn == "no", "partly", drawn), "no")


def _end_reason(d: Table, people: Children, rng: np.random.Generator) -> np.ndarray:
    usual = (
        "goal_reached",
        "completed",
        "no_longer_needed",
        "discontinued",
        "consent_withdrawn",
        "changed_intervention",
    )
    drawn = rng.choice(np.array(usual, dtype=object), len(d), p=(0.3, 0.25, 0.15, 0.12, 0.1, 0.08))
    child, ended = d.child.to_numpy(), d.ended.to_numpy()
    cause = np.where(
        ended == people.dies_on[child],
        "died",
        np.where(ended == people.moves_on[child], "moved", "age_limit"),
    )
    return np.where(ended >= NEVER, "", np.where(d.cut, cause, drawn))


def _follow_ups(h: Histories) -> Table:
    f = h.follow_ups
    return pd.DataFrame({
        "fid": _ids("F", np.arange(len(f))), "child": f.child, "place": f.municipality, "day": f.held,
        "held_on": f.held, "intervention": _ids("I", f.intervention.to_numpy()),
        "goal_attainment": _text(GOALS, f.goal.to_numpy()),
        "situation": _text(SITUATIONS, f.situation.to_numpy()),
        "result": _text(RESULTS, f.result.to_numpy()),
    })  # fmt: skip


def _open_support(h: Histories) -> Table:
    s = h.supports
    month = s.started.to_numpy().astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
    frame = pd.DataFrame({
        "fid": _ids("S", np.arange(len(s))), "child": s.child, "place": s.municipality,
        "day": month.astype(np.int32), "started_on": month.astype(np.int32), "ended_on": s.ended,
        "support_type": _text(SUPPORT_TYPES, s.kind.to_numpy()),
        "provider": _text(PROVIDERS, s.provider.to_numpy()),
        "living_arrangement": _text(LIVING, s.living.to_numpy()),
        "caregiver_sex": _text(CAREGIVERS, s.caregiver.to_numpy()),
        "interpreter": np.where(s.interpreter, "yes", "no"), "result": _text(RESULTS, s.result.to_numpy()),
        "begun": s.started,
    })  # fmt: skip
    frame = _person(frame, h.people, "begun").drop(columns="begun")
    return frame[~frame.unborn].reset_index(drop=True)


def _child_facts(h: Histories, first: int, rng: np.random.Generator) -> Table:
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
    return frame.assign(fid=_ids("B", np.arange(len(frame))))


def _fact(child: Any, place: Any, day: Any, kind: str, value: Any) -> Table:
    frame = pd.DataFrame({"child": np.asarray(child), "place": np.asarray(place), "day": np.asarray(day)})
    return frame.assign(known_on=frame.day, fact=kind, value=value)


def _counts(supports: Table) -> Table:
    """The same supports as counts per municipality, month, kind, sex and age group."""
    group = np.clip(supports.age.to_numpy() // 3, 0, 5)
    named = supports.assign(age_group=_text(("0-2", "3-5", "6-8", "9-11", "12-14", "15-17"), group))
    keys = ["place", "day", "support_type", "sex", "age_group"]
    counted = named.groupby(keys, sort=True).size().rename("started").reset_index()
    return counted.assign(
        fid=_ids("C", np.arange(len(counted))), child=NO_LINK, month=counted.day, registered=counted.day + 31
    )


def _municipality_facts(plan: Plan, places: tuple[Municipality, ...], rng: np.random.Generator) -> Table:
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
        fid=_ids("K", np.arange(len(frame))), child=NO_LINK, registered=frame.day + 20,
        population_0_17=(frame.population * 0.205).astype(int),
        population_0_20=(frame.population * 0.238).astype(int),
    )  # fmt: skip


def size_class(population: int) -> str:
    """Size class as in NUSO sub-study 1."""
    limits = ((100_000, "large"), (40_000, "medium_large"), (20_000, "medium"))
    return next((name for limit, name in limits if population > limit), "small")

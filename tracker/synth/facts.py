"""Clean facts: the simulated histories as records with true codes, one frame a record type.

Every frame has ``fid`` (true id), ``child`` (index, −1 for none), ``place`` (index of the municipality),
``day`` (the date that places it in a period), ``registered`` (day it can first be seen in an export)
and one column a field of the record spec: dates as day numbers (``NEVER`` when absent), codes as text
('' when absent), ``reasons`` as tuples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tracker.synth.episodes import LAWS, Table
from tracker.synth.fact_columns import ids, objects, person, text
from tracker.synth.other_facts import (
    RESULTS,
    child_facts,
    municipality_facts,
    open_support,
    support_counts,
)
from tracker.synth.parameters import ACTIONS, NEEDS, REASONS, REFERRERS, TYPES
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, Children, Municipality, day_number
from tracker.synth.process import Histories

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
        "open_support": open_support(histories),
        "child_facts": child_facts(histories, first, rng),
    }
    stops = {"referrals": day_number(plan.window.last)}
    kept = {
        name: frame[frame.day.between(first, stops.get(name, last))].reset_index(drop=True)
        for name, frame in frames.items()
    }
    kept = {
        name: frame.assign(registered=_registered(frame.day.to_numpy(), rng)) for name, frame in kept.items()
    }
    kept["open_support_counts"] = support_counts(kept["open_support"])
    kept["municipality_facts"] = municipality_facts(plan, places, rng)
    return kept


def _registered(day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nearly all is registered within three days; a few per cent much later, so that it comes late."""
    lag = rng.integers(0, 4, len(day))
    late = rng.random(len(day))
    lag = np.where(late < 0.03, rng.integers(5, 60, len(day)), lag)
    lag = np.where(late < 0.008, rng.integers(60, 300, len(day)), lag)
    return (day + lag).astype(np.int32)


def _reasons(frame: Table) -> list[tuple[str, ...]]:
    columns = (frame.reason1.tolist(), frame.reason2.tolist(), frame.reason3.tolist())
    return [tuple(REASONS[r] for r in row if r >= 0) for row in zip(*columns, strict=True)]


def _referrals(h: Histories, rng: np.random.Generator) -> Table:
    r = h.referrals
    number = np.arange(len(r))
    left_empty = (rng.random(len(r)) < 0.015).tolist()
    reasons = objects(() if empty else given for empty, given in zip(left_empty, _reasons(r), strict=True))
    linked = r.investigation.to_numpy()
    frame = pd.DataFrame({
        "fid": ids("R", number), "child": r.child, "place": r.municipality, "day": r.received,
        "received_on": r.received, "referral_type": text(TYPES, r.type.to_numpy()), "reasons": reasons,
        "referrer": text(REFERRERS, r.referrer.to_numpy()), "action": text(ACTIONS, r.action.to_numpy()),
        "action_on": r.concluded, "investigation": ids("U", linked),
        "case": np.where(linked >= 0, linked, 5_000_000 + number),
    })  # fmt: skip
    return person(frame, h.people, "received_on")


def _investigations(h: Histories, rng: np.random.Generator) -> Table:
    i = h.investigations
    reasons = objects(_reasons(i))
    frame = pd.DataFrame({
        "fid": ids("U", i.investigation.to_numpy()), "child": i.child, "place": i.municipality,
        "day": i.opened, "opened_on": i.opened, "closed_on": i.closed, "reasons": reasons,
        "known_before": np.where(i.known_before, "yes", "no"), "need": _need(i),
        "outcome": _outcome(i, rng), "case": i.investigation,
    })  # fmt: skip
    frame["origins"] = _origins(h, frame)
    return person(frame, h.people, "opened_on")


def _need(i: Table) -> np.ndarray:
    return np.where(i.cut, "", text(NEEDS, i.need.to_numpy()))


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
    names = pd.Series(ids("R", number)).groupby(ids("U", linked[number])).agg(tuple)
    origins = names.reindex(investigations.fid)
    return objects(o if isinstance(o, tuple) else () for o in origins)


def _interventions(h: Histories, plan: Plan, rng: np.random.Generator) -> Table:
    d, n = h.interventions, len(h.interventions)
    granted = d.decision.to_numpy() == 0
    law = text(LAWS, d.law.to_numpy())
    frame = pd.DataFrame({
        "fid": ids("I", np.arange(n)), "child": d.child, "place": d.municipality, "day": d.decided,
        "decided_on": d.decided,
        "intervention_type": text(plan.parameters.intervening.kinds, d.kind.to_numpy()),
        "legal_basis": law, "granted": text(DECISIONS, d.decision.to_numpy()),
        "guardian_consent": _consent(law, (0.88, 0.05, 0.07), rng),
        "started_on": d.started, "ended_on": d.ended, "end_reason": _end_reason(d, h.people, rng),
        "investigation": ids("U", d.investigation.to_numpy()), "case": d.investigation,
    })  # fmt: skip
    frame = person(frame, h.people, "decided_on")
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
        "fid": ids("F", np.arange(len(f))), "child": f.child, "place": f.municipality, "day": f.held,
        "held_on": f.held, "intervention": ids("I", f.intervention.to_numpy()),
        "goal_attainment": text(GOALS, f.goal.to_numpy()),
        "situation": text(SITUATIONS, f.situation.to_numpy()),
        "result": text(RESULTS, f.result.to_numpy()),
    })  # fmt: skip

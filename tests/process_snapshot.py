"""The simulated process delivered in full and without fault: its log, and the snapshot made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from tracker.domain.periods import Period
from tracker.harmonise.codebook import Codebooks
from tracker.projections.events import LOG_SCHEMA
from tracker.projections.snapshot import Snapshot, write_snapshot
from tracker.synth.parameters import ACTIONS, GRANTED, NEEDS, REASONS, Parameters
from tracker.synth.plan import Plan
from tracker.synth.population import NEVER, children, municipalities
from tracker.synth.process import Histories, simulate

CODEBOOKS = Codebooks.load()
TYPES = ("referrals", "investigations", "interventions", "follow_ups")


def plan_of(parameters: Parameters, *, places: int = 3) -> Plan:
    """Five years from the first simulated day, none of them left out of the deliveries."""
    window = Period(date(2020, 7, 1), date(2025, 6, 30))
    return replace(
        Plan.tiny(), municipalities=places, window=window, follow_to=window.last, last_extract=window.last,
        burn_in_days=0, parameters=parameters,
    )  # fmt: skip


def histories_of(plan: Plan, count: int, seed: int) -> Histories:
    rng = np.random.default_rng(seed)
    return simulate(children(plan, municipalities(plan.municipalities), count, rng), plan, rng)


def process_snapshot(folder: Path, histories: Histories, plan: Plan) -> Snapshot:
    """The snapshot of everything that happened up to the end of the window."""
    rows = [*_deliveries(plan), *_events(histories, plan)]
    last = plan.window.last
    seen = [row for row in rows if row["occurred_on"] is None or row["occurred_on"] <= last]
    table = [
        {"position": n, "kind": "recorded", "version": 1, "replaces": None, "row_no": None, "delivery_no": n,
         **row, "body": json.dumps(row["body"])}
        for n, row in enumerate(seen, 1)
    ]  # fmt: skip
    write_snapshot(folder, pa.Table.from_pylist(table, LOG_SCHEMA), CODEBOOKS)
    return Snapshot.open(folder)


def _deliveries(plan: Plan) -> Iterator[dict[str, Any]]:
    body = {
        "period_from": str(plan.window.first), "period_to": str(plan.window.last), "full": True,
        "extracted_on": str(plan.window.last + timedelta(1)), "synthetic": True, "not_opened_complete": True,
    }  # fmt: skip
    for place in municipalities(plan.municipalities):
        for number, kind in enumerate(TYPES):
            yield {
                "event_type": "DeliveryRecorded", "subject_id": None, "municipality": place.code,
                "record_type": kind, "fact_id": f"{int(place.code) * 10 + number:032x}", "occurred_on": None,
                "body": body,
            }  # fmt: skip


def _said(codebook: str, code: str) -> str:
    return CODEBOOKS.lists[codebook][code].label_sv


def _day(day: Any) -> date:
    return date(1970, 1, 1) + timedelta(int(day))


def _events(h: Histories, plan: Plan) -> Iterator[dict[str, Any]]:
    codes = [place.code for place in municipalities(plan.municipalities)]

    def event(kind: str, of: str, number: int, row: Any, day: Any, **body: Any) -> dict[str, Any]:
        return {
            "event_type": kind, "record_type": of, "subject_id": str(UUID(int=int(row.child) + 1)),
            "municipality": codes[row.municipality], "fact_id": f"{TYPES.index(of) + 1}{number:031x}",
            "occurred_on": _day(day), "body": body,
        }  # fmt: skip

    def child(row: Any) -> dict[str, str]:
        sex = "boy" if h.people.boy[row.child] else "girl"
        return {"sex": _said("sex", sex), "birth_date": str(_day(h.people.birth[row.child]))}

    for n, row in enumerate(_rows(h.referrals)):
        told = {"referral_type": "Anmälan", "reasons": _said("referral_reason", REASONS[row.reason1])}
        yield event("ReferralReceived", "referrals", n, row, row.received, **child(row), **told)
        if row.concluded < NEVER:
            link = {"investigation_id": f"{row.investigation:032x}"} if row.investigation >= 0 else {}
            action = _said("referral_action", ACTIONS[row.action])
            yield event("ReferralConcluded", "referrals", n, row, row.concluded, action=action, **link)
    for row in _rows(h.investigations):
        named = {"investigation_id": f"{row.investigation:032x}"}
        number = int(row.investigation)
        yield event("InvestigationOpened", "investigations", number, row, row.opened, **child(row), **named)
        if row.closed < NEVER:
            need = _said("need", NEEDS[row.need])
            yield event("InvestigationClosed", "investigations", number, row, row.closed, need=need)
    for n, row in enumerate(_rows(h.interventions)):
        told = {"granted": _said("granted", GRANTED[row.decision]), "intervention_type": "Kontaktperson",
                "investigation_id": f"{row.investigation:032x}"}  # fmt: skip
        yield event("DecisionMade", "interventions", n, row, row.decided, **child(row), **told)
        if row.started < NEVER:
            yield event("InterventionStarted", "interventions", n, row, row.started)
            yield event("InterventionEnded", "interventions", n, row, row.ended)


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    return table.itertuples(index=False)

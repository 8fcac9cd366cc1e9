"""What happened to the persons followed: one row for each event, from the tables of facts of a snapshot.

Wordings and whatever was delivered as free text stay behind: only codes leave. A change of national id is no
event of a child's life and stays behind too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tracker.domain.events import EventType
from tracker.publish.exports.material import Material, days_between, facts_named

DAYS_A_MONTH = 30.4375
"""A twelfth of 365.25 days."""


@dataclass(frozen=True)
class Happening:
    """An event type: the table and the column of its day, the codes that leave with it (column → name).

    ``link`` is the column of the fact of the stage before.
    """

    event: EventType
    table: str
    on: str
    codes: tuple[str, ...] = ()
    link: str = ""
    precision: str = "day"


HAPPENINGS = (
    Happening(EventType.CHILD_FACT_RECORDED, "child_facts", "known_on", ("fact", "value")),
    Happening(
        EventType.REFERRAL_RECEIVED, "referrals", "received_on", ("referral_type", "referrer", "reasons")
    ),
    Happening(EventType.REFERRAL_CONCLUDED, "referrals", "concluded_on", ("action", "flow_class")),
    Happening(
        EventType.INVESTIGATION_OPENED,
        "investigations",
        "opened_on",
        ("known_before", "reasons"),
        "referral_id",
    ),
    Happening(EventType.INVESTIGATION_CLOSED, "investigations", "closed_on", ("need", "outcome")),
    Happening(
        EventType.DECISION_MADE,
        "interventions",
        "decided_on",
        ("intervention_type", "legal_basis", "granted", "guardian_consent", "child_consent"),
        "investigation_id",
    ),
    Happening(EventType.INTERVENTION_STARTED, "interventions", "started_on", ("intervention_type",)),
    Happening(EventType.INTERVENTION_ENDED, "interventions", "ended_on", ("intervention_type", "end_reason")),
    Happening(
        EventType.FOLLOW_UP_HELD,
        "follow_ups",
        "held_on",
        ("goal_attainment", "situation", "result"),
        "intervention_id",
    ),
    Happening(
        EventType.OPEN_SUPPORT_STARTED,
        "open_support",
        "started_on",
        ("support_type", "provider", "living_arrangement", "caregiver_sex", "interpreter"),
        precision="month",
    ),
    Happening(EventType.OPEN_SUPPORT_ENDED, "open_support", "ended_on", ("support_type", "result")),
)
"""In the order of the chain: that of events of one day, whose true order is not known. Support without
assessment is delivered by month: days counted from the first of a month would tell the date of day 0."""

_LEFT_BEHIND = ("number_changed",)


def happenings(material: Material) -> pd.DataFrame:
    """Events by id, day and order: id, child, day, on, precision, order, event, fact, linked_fact,
    link_method, municipality, age_at_entry, sex, entry_month and the codes of each kind of event.

    In a cohort those from day 0 to the end of each person's observation; else all that is known.
    """  # fmt: skip
    parts = [_read(material, one) for one in HAPPENINGS if one.table in material.snapshot.manifest.tables]
    events = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    codes = dict.fromkeys(name for one in HAPPENINGS for name in _names(one))
    events = events.reindex(columns=[*dict.fromkeys([*_COMMON, *codes])])
    followed = _of_people(material, events)
    ordered = followed.sort_values(["id", "day", "rank", "fact"], kind="stable", ignore_index=True)
    ordered["order"] = ordered.groupby(["id", "day"]).cumcount() + 1
    return ordered


_COMMON = (
    "subject_id",
    "municipality",
    "event",
    "rank",
    "on",
    "precision",
    "fact_id",
    "linked",
    "link_method",
)


def _names(one: Happening) -> Iterable[str]:
    return ("fact_type" if name == "fact" else name for name in one.codes)


def _read(material: Material, one: Happening) -> pd.DataFrame:
    linked = [one.link, "link_method"] if one.link else []
    columns = ["fact_id", "subject_id", "municipality", one.on, *one.codes, *linked]
    table = pq.read_table(material.snapshot.path(one.table), columns=columns)
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    frame = frame[frame[one.on].notna()].rename(
        columns={one.on: "on", one.link: "linked", "fact": "fact_type"}
    )
    if "fact_type" in frame:
        frame = frame[~frame["fact_type"].isin(_LEFT_BEHIND)]
    if "reasons" in frame:
        frame["reasons"] = frame["reasons"].map(lambda codes: "; ".join(codes) or None)
    return frame.assign(event=one.event.value, rank=HAPPENINGS.index(one), precision=one.precision)


def _of_people(material: Material, events: pd.DataFrame) -> pd.DataFrame:
    """The events of each person followed, on their own days."""
    people = material.people.drop(columns="entry")
    place = events["municipality"] if (people["place"] != "").any() else ""
    joined = events.assign(place=place).merge(people, on=["subject_id", "place"])
    if material.cohort is not None:
        joined = joined[(joined["on"] >= joined["origin_on"]) & (joined["on"] <= joined["last_on"])]
    joined["day"] = _days(joined)
    for name, fact in (("fact", "fact_id"), ("linked_fact", "linked")):
        joined[name] = facts_named(joined[fact], material.names)
    return joined.drop(columns=["subject_id", "fact_id", "linked", "place", "last_on"])


def _days(events: pd.DataFrame) -> pd.Series:
    """Days since day 0; of what is known by month, those of so many months."""
    exact = days_between(events["on"], events["origin_on"])
    later, earlier = events["on"].dt, events["origin_on"].dt
    months = (later.year - earlier.year) * 12 + (later.month - earlier.month)
    rounded = np.floor(months * DAYS_A_MONTH + 0.5).astype("Int32")
    return exact.where(events["precision"] == "day", rounded).astype("Int32")

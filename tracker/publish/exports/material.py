"""What an export is made of: stays and events of the persons followed, under the project's ids.

Day 0 is a person's entry into the cohort; without a cohort the day the first episode known began, and the
first day anything is known of who has no stay on the chain. Rows are in the order of the project's ids:
neither ids nor order lead from one project to another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tracker.domain.errors import CheckFailed, UsageError
from tracker.projections.cohort import StudyCohort
from tracker.projections.cohort_sources import sources
from tracker.projections.cohort_spec import At, Which
from tracker.projections.flow_clock import END
from tracker.projections.rules import Unit
from tracker.projections.snapshot import Snapshot

_WHOLE = {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
"""Whole numbers stay whole where some are missing."""

TAKEN = frozenset(
    [
        *("id", "child", "person", "place", "entry_month", "entered_day", "left_day", "state_entered_day"),
        *("episode_entered_day", "tstart", "tstop", "from", "to", "event", "trans", "time", "status", "row"),
        *("from_state", "birth_month"),
    ]
)
"""Names of columns that no covariate can have."""


@dataclass(frozen=True)
class Pseudonyms:
    """The project's ids: functions from an id of ours to text that nobody without the key leads back."""

    subject: Callable[[str], str]
    fact: Callable[[str], str]


@dataclass(frozen=True)
class Material:
    """The rows an export is made of.

    ``people``, a row for each person followed, by id: id, child, subject_id, place (the municipality where
    the unit is child × municipality, else empty), entry, origin_on, last_on (end of observation in a
    cohort), entry_month. ``stays``: the columns of study spells with id, child and entry_month, by id and
    moment of entry. ``exact`` says whether dates may leave.
    """

    snapshot: Snapshot
    cohort: StudyCohort | None
    people: pd.DataFrame
    stays: pd.DataFrame
    unit: Unit
    names: Pseudonyms
    exact: bool

    @property
    def covariates(self) -> list[str]:
        """The columns of stays that describe person or stay, besides where they come from."""
        if self.cohort is None:
            return ["sex", "age_at_entry", "age_group", "legal_basis"]
        own = [name for name in ("sex", "age_at_entry", "age_group", "legal_basis") if name in self.stays]
        declared = [one.name for one in self.cohort.spec.covariates]
        stay = [name for name in self.stays.columns if name.startswith("stay_")]
        return list(dict.fromkeys(name for name in (*declared, *own, *stay) if name != "municipality"))


def read_material(
    snapshot: Snapshot, cohort: StudyCohort | None, names: Pseudonyms, *, exact: bool
) -> Material:
    """Read everything an export may need.

    Raises UsageError for a cohort that breaks stays on days of the calendar while exact dates stay (where
    a stay is broken would tell them), or whose covariates are named as columns of exports are.
    """
    if cohort is not None:
        _refuse_taken(cohort)
        if not exact:
            _refuse_calendar(cohort)
    stays = _stays(snapshot, cohort)
    unit = cohort.unit if cohort is not None else _unit(stays)
    people = _people(snapshot, cohort, stays, unit, names)
    known = ["subject_id", "place", "entry"]
    joined = stays.merge(people[[*known, "id", "child", "entry_month"]], on=known)
    step = joined["entered_step"].astype("int32")
    ordered = joined.assign(step=step).sort_values(
        ["id", "entered_on", "step", "spell", "part"], kind="stable"
    )
    return Material(
        snapshot, cohort, people, ordered.drop(columns="step").reset_index(drop=True), unit, names, exact
    )


def days_between(later: pd.Series, earlier: pd.Series) -> pd.Series:
    """Whole days, missing where either is."""
    return (later - earlier).dt.days.astype("Int32")


def _refuse_taken(cohort: StudyCohort) -> None:
    if clashing := sorted({one.name for one in cohort.spec.covariates} & TAKEN):
        raise UsageError(
            f"The cohort {cohort.spec.name} names covariates as columns of exports are named: "
            f"{', '.join(clashing)}; give them other names."
        )


def _refuse_calendar(cohort: StudyCohort) -> None:
    read = sources()
    breaking = [
        one.name for one in cohort.spec.covariates if one.at is At.TIME_VARYING and read[one.source].changes
    ]
    if breaking:
        raise UsageError(
            f"The cohort {cohort.spec.name} breaks stays where {', '.join(breaking)} changes: those are days "
            "of the calendar, from which every date follows. Take it at entry, or ask for exact dates."
        )


def _stays(snapshot: Snapshot, cohort: StudyCohort | None) -> pd.DataFrame:
    path = cohort.path if cohort is not None else snapshot.path("spells")
    table = pq.read_table(path)
    frame: pd.DataFrame = table.to_pandas(date_as_object=False, types_mapper=_WHOLE.get)
    if cohort is not None:
        place = "stay_municipality" if "stay_municipality" in frame else "municipality"
        within = cohort.unit is Unit.CHILD_MUNICIPALITY
        return frame.assign(place=frame[place] if within else "")
    unit = _unit(frame)
    frame = frame.assign(place=frame["municipality"] if unit is Unit.CHILD_MUNICIPALITY else "")
    first = frame.groupby(["subject_id", "place"], sort=False)["episode_entered_on"].transform("min")
    return frame.assign(entry=1, part=1, origin_on=first)


def _unit(spells: pd.DataFrame) -> Unit:
    """Stays are numbered within the unit they follow."""
    twice = spells.duplicated(["subject_id", "spell"]).any()
    return Unit.CHILD_MUNICIPALITY if twice else Unit.CHILD


def _people(
    snapshot: Snapshot, cohort: StudyCohort | None, stays: pd.DataFrame, unit: Unit, names: Pseudonyms
) -> pd.DataFrame:
    known = ["subject_id", "place", "entry"]
    people = stays.groupby(known, as_index=False, sort=False).agg(
        origin_on=("origin_on", "first"), last_on=("left_on", "max")
    )
    if cohort is None and unit is Unit.CHILD:
        people = pd.concat([people, _without_stays(snapshot, people)], ignore_index=True)
    child = _named(people["subject_id"], names.subject)
    several = cohort is not None and cohort.spec.entry.which is Which.EACH
    place = "." + people["place"] if unit is Unit.CHILD_MUNICIPALITY else ""
    number = "." + people["entry"].astype(str) if several else ""
    people = people.assign(
        id=child + place + number, child=child, entry_month=people["origin_on"].dt.strftime("%Y-%m")
    )
    ordered: pd.DataFrame = people.sort_values("id", ignore_index=True)
    return ordered


def _without_stays(snapshot: Snapshot, people: pd.DataFrame) -> pd.DataFrame:
    columns = ["subject_id", "first_on"]
    if "first_on" not in pq.read_schema(snapshot.path("children")).names:
        return people.iloc[:0]
    children = pq.read_table(snapshot.path("children"), columns=columns).to_pandas(date_as_object=False)
    others = children[~children["subject_id"].isin(people["subject_id"]) & children["first_on"].notna()]
    found: pd.DataFrame = others.rename(columns={"first_on": "origin_on"}).assign(place="", entry=1)
    return found


def _named(ids: pd.Series, name: Callable[[str], str]) -> pd.Series:
    """Each id by its name; raises CheckFailed should two ever share one."""
    table = {one: name(one) for one in ids.dropna().unique()}
    if len(set(table.values())) != len(table):
        raise CheckFailed("Two ids have the same name in the project; report this.")
    return ids.map(table)


def facts_named(ids: pd.Series, names: Pseudonyms) -> pd.Series:
    """Facts by the names the project knows them by; missing stays missing."""
    return _named(ids, names.fact)


def is_end(step: pd.Series) -> pd.Series:
    """Where a step stands for the end of its day."""
    return step == END

"""The figures of the flow summary, counted from the synthetic truth alone.

Written from the definitions the summary carries, row by row in plain Python, so that it shares nothing
with the code it judges. What the receiver may know is taken from the truth: the last state of every fact,
links stated by delivered ids (``explicit``), the declared coverage of the files, and, for a wording the
codebook does not claim to know, that it is ``unmapped``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import yaml

from tests.e2e.truth_timelines import Things, returns
from tracker.domain.periods import add_months, assessment_due, investigation_due
from tracker.harmonise.codebook import Codebooks

FLOW = {
    "A1": "opened", "B1": "not_opened", "C1": "attached", "C2": "attached", "C3": "attached",
    "C4": "referred_elsewhere", "C5": "administrative", "unmapped": "unmapped", None: None,
}  # fmt: skip
"""What an action means for the flow, as the list of actions says."""

CHAIN = ("referrals", "investigations", "interventions", "follow_ups")
CODED = {
    "referrals": {"referral_type": "referral_type", "action": "referral_action", "referrer": "referrer"},
    "investigations": {"need": "need"},
    "interventions": {"granted": "granted", "legal_basis": "legal_basis"},
    "follow_ups": {},
    "child_facts": {"fact": "child_fact"},
}
COLUMNS = (
    *(
        "fid",
        "municipality",
        "subject",
        "offered",
        "sex",
        "age",
        "birth_date",
        "day",
        "received_on",
        "action_on",
    ),
    *(
        "investigation",
        "explicit",
        "opened_on",
        "closed_on",
        "decided_on",
        "started_on",
        "ended_on",
        "held_on",
    ),
    *("intervention", "known_on", "case"),
)

Row = Any
Groups = Callable[[Row], str]
Key = tuple[str, str, str, str, str]
"""Group, block, step, class, unit."""


class Coverage:
    """Which days of which record type each municipality delivered in full, as the sidecars declare."""

    def __init__(self, inbox: Path, files: pd.DataFrame) -> None:
        self.read_on = {row.file: row.extracted_on for row in files.itertuples()}
        self._days: dict[tuple[str, str], dict[date, tuple[date, bool]]] = defaultdict(dict)
        for row in files.sort_values("extracted_on", kind="stable").itertuples():
            if row.sidecar:
                said = yaml.safe_load((inbox / f"{row.file}.yml").read_text("utf-8"))
                self._declare(row.municipality, said)
        self._last = {key: _last_of_run(days) for key, days in self._days.items()}
        self._end = {key: max(days) for key, days in self._days.items() if days}

    def _declare(self, place: str, said: Mapping[str, Any]) -> None:
        if not said["full"]:
            return
        day = said["period_from"]
        while day <= min(said["period_to"], said["extracted_on"]):
            read = (said["extracted_on"], bool(said["not_opened_complete"]))
            self._days[place, said["record_type"]][day] = read  # a later extract goes before an earlier
            day += timedelta(1)

    def days(self, place: str, record_type: str) -> Mapping[date, tuple[date, bool]]:
        """Covered day → when it was last read, and whether not-opened was declared complete."""
        return self._days.get((place, record_type), {})

    def covered_to(self, place: str, record_type: str, day: date | None) -> date | None:
        """The last day of the unbroken stretch of covered days that holds ``day``."""
        return self._last.get((place, record_type), {}).get(day) if day else None

    def observed_until(self, place: str, record_type: str, day: date) -> date | None:
        """Until when it is known what became of a row of ``day``."""
        last = self.covered_to(place, record_type, day)
        return min(last, self.days(place, record_type)[day][0]) if last else None

    def unseen(self, place: str, record_type: str, day: date) -> str:
        """What is said of a day not delivered in full: too recent after the last one that was."""
        end = self._end.get((place, record_type))
        return "too_recent" if end and day > end else "not_delivered"

    def complete(self, row: Row) -> bool:
        """Whether not-opened referrals are completely recorded around a referral."""
        return self.days(row.municipality, "referrals").get(row.received_on, (None, False))[1]


def _last_of_run(days: Mapping[date, Any]) -> dict[date, date]:
    last: dict[date, date] = {}
    for day in sorted(days, reverse=True):
        last[day] = last.get(day + timedelta(1), day)
    return last


@dataclass(frozen=True)
class Truth:
    """The truth beside a synthetic inbox, as the receiver can at best know it."""

    rows: Mapping[str, Sequence[Row]]
    coverage: Coverage
    told_on: Mapping[str, date]

    @classmethod
    def read(cls, out: Path, codebooks: Codebooks) -> Truth:
        """Read ``out/truth`` and the sidecars of ``out/inbox``."""
        folder = out / "truth"
        files = pd.read_parquet(folder / "files.parquet")
        coverage = Coverage(out / "inbox", files)
        sexes = sex_wordings(pd.read_parquet(folder / "wordings.parquet"), codebooks)
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in (*CHAIN, "child_facts")}
        rows = {
            name: [] if table.empty else list(_rows(name, table, codebooks, sexes))
            for name, table in tables.items()
        }
        return cls(_with_known_sex(rows), coverage, _told_on(folder, coverage))

    @cached_property
    def investigations(self) -> Mapping[str, Row]:
        """Investigations by true id."""
        return {row.fid: row for row in self.rows["investigations"]}

    @cached_property
    def decisions(self) -> Mapping[str, Sequence[Row]]:
        """Interventions by the investigation their delivered id names."""
        return _by("investigation", self.rows["interventions"])

    @cached_property
    def held(self) -> Mapping[str, Sequence[Row]]:
        """Follow-ups by the intervention their delivered id names."""
        return _by("intervention", self.rows["follow_ups"])

    @cached_property
    def things(self) -> Things:
        """Every child's timeline."""
        return Things(self.rows, self.coverage, self.told_on)

    def investigation(self, referral: Row) -> Row | None:
        """The investigation a referral led to, where delivered ids say so."""
        return self.investigations.get(referral.investigation) if referral.explicit else None


def _by(column: str, rows: Sequence[Row]) -> dict[str, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        if row.explicit:
            found[getattr(row, column)].append(row)
    return found


def _told_on(folder: Path, coverage: Coverage) -> dict[str, date]:
    """When the file was read that told of each fact first."""
    rows = pd.read_parquet(folder / "rows.parquet")
    facts = rows[rows.fid != ""]
    first: dict[str, date] = {}
    for fid, file in zip(facts.fid, facts.file, strict=True):
        first[fid] = min(first.get(fid, date.max), coverage.read_on[file])
    return first


def sex_wordings(wordings: pd.DataFrame, codebooks: Codebooks) -> dict[tuple[str, str], bool]:
    """Whether the codebook knows a municipality's word for a sex."""
    sexes = wordings[wordings.codebook == "sex"]
    return {
        (row.municipality, row.codes[0]): not codebooks.read(
            "sex", row.wording, row.municipality, row.system
        ).unmapped
        for row in sexes.itertuples()
    }


def _rows(
    name: str, table: pd.DataFrame, codebooks: Codebooks, sexes: Mapping[tuple[str, str], bool]
) -> Iterator[Row]:
    """Rows with absent values as None and unknown wordings as ``unmapped``."""
    kept = {c: _plain(table[c]) for c in COLUMNS if c in table}
    dialects = table.dialect.tolist()
    for field, book in CODED[name].items():
        said = zip(table[field], table[f"said_{field}"], table.municipality, dialects, strict=True)
        kept[field] = [_code(codebooks, book, *cell) for cell in said]
    for values in zip(*kept.values(), strict=True):
        row = SimpleNamespace(**dict(zip(kept, values, strict=True)))
        if getattr(row, "sex", None):
            row.sex = row.sex if sexes[row.municipality, row.sex] else "unmapped"
        yield row


def _plain(column: pd.Series) -> list[Any]:
    absent = column.isna() | column.eq("")
    return column.astype(object).mask(absent, None).tolist()


def _code(codebooks: Codebooks, book: str, code: str, said: str, place: str, system: str) -> str | None:
    if not said:
        return None
    return "unmapped" if codebooks.read(book, said, place, system).unmapped else code


def _with_known_sex(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Where a row's own word is unknown, the sex other rows of the child tell."""
    people = [row for name in CHAIN[:3] for row in rows[name] if row.subject]
    known = {row.subject: row.sex for row in people if row.sex not in (None, "unmapped")}
    for row in people:
        row.sex = row.sex if row.sex not in (None, "unmapped") else known.get(row.subject, row.sex)
    return rows


class Sorting:
    """The definitions, one referral or investigation at a time."""

    def __init__(self, truth: Truth) -> None:
        self.truth, self.coverage = truth, truth.coverage
        self.delivers_starts = {v.municipality for v in truth.rows["interventions"] if v.started_on}
        self.delivers_actions = {r.municipality for r in truth.rows["referrals"] if r.action}

    def investigation(self, r: Row) -> str:
        if FLOW[r.action]:
            return str(FLOW[r.action])
        if linked := self.truth.investigation(r):
            return "opened" if linked.opened_on >= r.received_on else "attached"
        until = self.coverage.observed_until(r.municipality, "referrals", r.received_on)
        if until is None:
            return self.coverage.unseen(r.municipality, "referrals", r.received_on)
        if assessment_due(r.received_on) > until:
            return "too_recent"
        return "open" if r.municipality in self.delivers_actions else "not_delivered"

    def path(self, r: Row) -> tuple[str, ...]:
        """The class at each step a referral reached."""
        first = self.investigation(r)
        if first != "opened":
            return (first,)
        if linked := self.truth.investigation(r):
            return (first, *self.onward(linked))
        day = r.action_on or r.received_on
        covered = self.coverage.covered_to(r.municipality, "investigations", day)
        unseen = self.coverage.unseen(r.municipality, "investigations", day)
        return (first, "not_linked" if covered else unseen)

    def onward(self, i: Row) -> tuple[str, ...]:
        """The class at each step an opened investigation reached, from the need on."""
        need, granted = self.need(i), self.granted(i)
        if need != "yes":
            return (need, "outside_chain") if granted == "yes" else (need,)
        if granted != "yes":
            return (need, granted)
        given = [v for v in self.truth.decisions.get(i.fid, ()) if _given(v)]
        started = _furthest(map(self.started, given))
        if started != "yes":
            return (need, granted, started)
        return (need, granted, started, _furthest(self.followed_up(v) for v in given if v.started_on))

    def need(self, i: Row) -> str:
        if i.need:
            return {"support": "yes", "protection": "yes", "none": "no"}.get(i.need, "unmapped")
        until = self.coverage.observed_until(i.municipality, "investigations", i.opened_on)
        if i.closed_on:
            return "not_delivered"
        if until is None:
            return self.coverage.unseen(i.municipality, "investigations", i.opened_on)
        return "too_recent" if investigation_due(i.opened_on) > until else "open"

    def granted(self, i: Row) -> str:
        decisions = self.truth.decisions.get(i.fid, ())
        if any(map(_given, decisions)):
            return "yes"
        if decisions:
            told = {v.granted for v in decisions}
            return "unmapped" if "unmapped" in told else "not_delivered" if None in told else "no"
        day = i.closed_on or i.opened_on
        last = self.coverage.covered_to(i.municipality, "interventions", day)
        if last is None:
            return self.coverage.unseen(i.municipality, "interventions", day)
        if i.closed_on is None:
            return "open"
        return "too_recent" if add_months(i.closed_on, 1) > last else "no"

    def started(self, v: Row) -> str:
        until = self.coverage.observed_until(v.municipality, "interventions", v.decided_on)
        if v.started_on:
            return "yes"
        if v.municipality not in self.delivers_starts:
            return "not_delivered"
        if until is None:
            return self.coverage.unseen(v.municipality, "interventions", v.decided_on)
        return "too_recent" if add_months(v.decided_on, 3) > until else "no"

    def followed_up(self, v: Row) -> str:
        last = self.coverage.covered_to(v.municipality, "follow_ups", v.started_on)
        if self.truth.held.get(v.fid):
            return "yes"
        if last is None:
            return self.coverage.unseen(v.municipality, "follow_ups", v.started_on)
        return "too_recent" if add_months(v.started_on, 6) > last else "no"

    def clock_14_days(self, r: Row) -> str:
        sorted_as = self.investigation(r)
        if sorted_as in ("attached", "administrative") or r.referral_type != "report":
            return "not_in_risk_set"
        if sorted_as == "unmapped":
            return "unmapped"
        concluded = r.action_on if r.action else None
        if concluded:
            return "within" if concluded <= assessment_due(r.received_on) else "late"
        return {"open": "late", "too_recent": "too_recent"}.get(sorted_as, "not_delivered")

    def clock_4_months(self, i: Row) -> str:
        until = self.coverage.observed_until(i.municipality, "investigations", i.opened_on)
        due = investigation_due(i.opened_on)
        if i.closed_on:
            return "within" if i.closed_on <= due else "late"
        if until is None:
            return self.coverage.unseen(i.municipality, "investigations", i.opened_on)
        return "too_recent" if due >= until else "late"


def _given(v: Row) -> bool:
    return v.granted == "yes" or (v.granted is None and v.started_on is not None)


def _furthest(classes: Iterator[str]) -> str:
    return max(classes, key=("no", "not_delivered", "too_recent", "yes").index)


STEPS = ("investigation", "need", "granted", "started", "followed_up")


def counts(truth: Truth, group_of: Groups) -> Counter[Key]:
    """Every count of the summary by one grouping of the referrals; what does not occur is absent."""
    sorting = Sorting(truth)
    units: dict[Key, set[str]] = defaultdict(set)
    opened: dict[tuple[str, str], Row] = {}
    for r in truth.rows["referrals"]:
        group, block = group_of(r), "linkable" if r.subject else "unlinkable"
        path = sorting.path(r)
        told = [("received", "received"), *zip(STEPS, path if r.subject else path[:1], strict=False)]
        for step, name in [*told, ("clock_14_days", sorting.clock_14_days(r))]:
            units[group, block, step, name, "referrals"].add(r.fid)
            if r.subject and step != "clock_14_days":
                units[group, block, step, name, "children"].add(r.subject)
        if r.subject and path[0] == "opened" and (linked := truth.investigation(r)):
            opened[group, linked.fid] = linked
    for (group, fid), i in opened.items():
        told = [
            *zip(STEPS, ("opened", *sorting.onward(i)), strict=False),
            ("clock_4_months", sorting.clock_4_months(i)),
        ]
        for step, name in told:
            units[group, "linkable", step, name, "investigations"].add(fid)
    for (group, subject), name in returns(truth.things, truth.rows["referrals"], group_of).items():
        units[group, "linkable", "returned", name, "children"].add(subject)
    return Counter({key: len(members) for key, members in units.items()})

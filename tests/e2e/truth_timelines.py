"""Each child's timeline from the synthetic truth: when nothing was open any more, and what came of it.

The state of a moment is worked out afresh from what is open then, what was last seen open before, and
where the child has moved; no running state is kept. Slow, plain and independent of the projection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from tracker.domain.periods import add_months, birthday

Row = Any
Moment = tuple[date, int]
"""A day and what takes effect on it in this order: openings, endings, losing sight, moves, death."""

OPENING, CLOSING, LOSING, MOVING, DYING = range(5)
REFERRAL, INVESTIGATION, GRANTED, INTERVENTION = 1, 2, 3, 4
NOTHING = 0
LAST_OF_MONTH = 31  # a co-ordination number has the day + 60
HORIZON = timedelta(365)
OPENED_WITHIN = timedelta(30)
ATTACHED = ("C1", "C2", "C3")

ALL = ("referrals", "investigations", "interventions")
WATCHED = {NOTHING: ALL[:2], REFERRAL: ALL[:2], INVESTIGATION: ALL, GRANTED: ALL, INTERVENTION: ALL}
"""Record types that must be delivered in full for a stay, and what may follow it, to be seen."""

GROUND_AGES = {"lvu_2": 18, "lvu_6": 20}


@dataclass(frozen=True)
class Thing:
    """Something open from ``start`` (its opening) until ``end``."""

    rank: int
    place: str
    ground: str | None
    start: date
    end: Moment


@dataclass(frozen=True)
class Stay:
    """A stay in a state; ``to`` is a rank, ``moved``, ``gone`` (died or grown up) or ``lost``."""

    state: int
    place: str
    ground: str | None
    first: date
    last: date
    to: int | str
    episode_on: date
    seen_entering: bool = True


@dataclass(frozen=True)
class End:
    """When a case ended, or was lost sight of, and what came of it."""

    on: date
    episode_on: date
    name: str


class Things:
    """Timelines of all children."""

    def __init__(self, rows: Mapping[str, Sequence[Row]], coverage: Any, told_on: Mapping[str, date]) -> None:
        self.coverage, self.told_on = coverage, told_on
        self.rows = {name: _by_subject(rows[name]) for name in (*ALL, "child_facts")}
        self.by_id = {i.fid: i for i in rows["investigations"]}
        self.runs: dict[tuple[str, int], list[tuple[date, date]]] = {}

    def ends(self, subject: str) -> list[End]:
        """Every end of the child's cases that could be seen, in order."""
        stays = self._grown(subject, list(_stays(self._things(subject), *self._moves(subject))))
        return [end for stay in stays for part in self._seen(stay) for end in self._end(*part)]

    def _of(self, subject: str, name: str) -> list[Row]:
        return self.rows[name].get(subject, [])

    def _moves(self, subject: str) -> tuple[list[tuple[str, date]], date | None]:
        facts = self._of(subject, "child_facts")
        moves = [(f.municipality, f.known_on) for f in facts if f.fact == "moved_out"]
        return moves, min((f.known_on for f in facts if f.fact == "died"), default=None)

    def _things(self, subject: str) -> list[Thing]:
        moves, _ = self._moves(subject)
        parts = (self._referral, self._investigation, self._granted, self._intervention)
        names = (*ALL, ALL[-1])
        found = [
            t
            for part, name in zip(parts, names, strict=True)
            for row in self._of(subject, name)
            for t in part(row)
        ]
        return [_until_moved(thing, moves) for thing in found]

    def _referral(self, r: Row) -> Iterator[Thing]:
        if r.action in ATTACHED:
            return
        tied, linked = self._led_to(r)
        if not r.action and not linked:
            yield self._thing(REFERRAL, "referrals", r, r.received_on, None)
            return
        told = [r.received_on, r.action_on if r.action else None, linked and linked.opened_on]
        last = max(d for d in (told if r.action in ("A1", None) else told[:2]) if d)
        lost = r.action == "C5" or (r.action == "A1" and not linked and not tied)
        yield Thing(REFERRAL, r.municipality, None, r.received_on, (last, LOSING if lost else CLOSING))

    def _led_to(self, r: Row) -> tuple[bool, Row | None]:
        """The investigation of a referral: by id, else the nearest that fits; whether two are as near.

        One stated by id but delivered without the child is on nobody's timeline.
        """
        stated = self.by_id[r.investigation] if r.explicit else None
        if stated or r.action not in ("A1", "unmapped", None):
            return False, stated if stated and stated.subject == r.subject else None
        fitting = [
            (0 if _same_case(r, i) else 1, i.opened_on - r.received_on, i.fid, i)
            for i in self._of(r.subject, "investigations")
            if i.municipality == r.municipality and (r.action == "A1" or _same_case(r, i))
            and r.received_on <= i.opened_on <= r.received_on + OPENED_WITHIN
        ]  # fmt: skip
        fitting.sort(key=lambda f: f[:3])
        if len(fitting) > 1 and fitting[0][:2] == fitting[1][:2]:
            return True, None
        return False, fitting[0][3] if fitting else None

    def _investigation(self, i: Row) -> Iterator[Thing]:
        yield self._thing(INVESTIGATION, "investigations", i, i.opened_on, i.closed_on)

    def _granted(self, v: Row) -> Iterator[Thing]:
        if _is_granted(v) and not (v.started_on and v.started_on < v.decided_on):
            yield self._thing(GRANTED, "interventions", v, v.decided_on, v.started_on or v.ended_on)

    def _intervention(self, v: Row) -> Iterator[Thing]:
        if v.started_on:
            yield self._thing(INTERVENTION, "interventions", v, v.started_on, v.ended_on)

    def _thing(self, rank: int, record_type: str, row: Row, start: date, end: date | None) -> Thing:
        """Open until it ended, or until it was last seen."""
        read = self.coverage.days(row.municipality, record_type).get(row.day, (date.min,))[0]
        moment = (
            (max(start, read, self.told_on[row.fid]), LOSING) if end is None else (max(start, end), CLOSING)
        )
        return Thing(rank, row.municipality, getattr(row, "legal_basis", None), start, moment)

    def _born(self, subject: str) -> date | None:
        """The birth date as told, else the latest day that every stated age agrees with."""
        rows = [row for name in ALL for row in self._of(subject, name)]
        for row in rows:
            if "birth_date" in row.offered.split(",") or self._personal_number(subject, row):
                return row.birth_date
        aged = [row for row in rows if "age" in row.offered.split(",")]
        return min((add_months(row.day, -12 * int(row.age)) for row in aged), default=None)

    def _personal_number(self, subject: str, row: Row) -> bool:
        """Whether a row names the child by a number sure to tell its birth: no co-ordination number."""
        if subject.isdigit() and int(subject[6:8]) <= LAST_OF_MONTH:
            return True
        changes = [f for f in self._of(subject, "child_facts") if f.fact == "number_changed"]
        return any(
            f.municipality == row.municipality and f.known_on <= self.told_on[row.fid] for f in changes
        )

    def _grown(self, subject: str, stays: list[Stay]) -> Iterator[Stay]:
        """Stays until the child is too old for the state it is in."""
        born = self._born(subject)
        for before, stay in pairwise([None, *stays]):
            limit = birthday(born, _adult_age(stay)) if born else date.max
            if stay.last < limit:
                yield stay
                continue
            follows = before is not None and before.to == stay.state
            if stay.first < limit or follows:
                last = max(stay.first, limit)
                yield Stay(stay.state, stay.place, stay.ground, stay.first, last, "gone", stay.episode_on)
            return

    def _seen(self, stay: Stay) -> Iterator[tuple[Stay, bool]]:
        """The parts of a stay within full deliveries, and whether it went on after each."""
        for first, last in self._runs(stay.place, stay.state):
            if last < stay.first or stay.last < first:
                continue
            goes_on = stay.last > last
            shown = Stay(
                stay.state, stay.place, stay.ground, max(stay.first, first), min(stay.last, last),
                stay.to, stay.episode_on, stay.first >= first,
            )  # fmt: skip
            yield shown, goes_on

    def _runs(self, place: str, state: int) -> list[tuple[date, date]]:
        key = place, len(WATCHED[state])
        if key not in self.runs:
            days = sorted(
                set.intersection(*(set(self.coverage.days(place, name)) for name in WATCHED[state]))
            )
            starts = [d for before, d in pairwise([date.min, *days]) if d - before > timedelta(1)]
            lasts = [d for d, after in pairwise([*days, date.max]) if after - d > timedelta(1)]
            self.runs[key] = list(zip(starts, lasts, strict=True))
        return self.runs[key]

    def _end(self, stay: Stay, goes_on: bool) -> Iterator[End]:
        to = "lost" if goes_on else stay.to
        if stay.state == NOTHING:
            if stay.seen_entering and not (isinstance(to, int) and stay.last == stay.first):
                yield End(stay.first, stay.episode_on, self._returned(stay, to))
        elif not isinstance(to, int):
            yield End(stay.last, stay.episode_on, "open" if to == "lost" else "left_observation")

    def _returned(self, stay: Stay, to: int | str) -> str:
        due = stay.first + HORIZON
        covered = self.coverage.covered_to(stay.place, "referrals", stay.first)
        if covered is None or due > covered:
            return "too_recent" if covered else "not_delivered"
        if stay.last <= due and to != "lost":
            return "yes" if isinstance(to, int) else "left_observation"
        return "too_recent" if stay.last < due else "no"


def _by_subject(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        if row.subject:
            found[row.subject].append(row)
    return found


def _same_case(r: Row, i: Row) -> bool:
    return "case_id" in r.offered.split(",") and "case_id" in i.offered.split(",") and r.case == i.case


def _is_granted(v: Row) -> bool:
    return v.granted == "yes" or (v.granted in (None, "unmapped") and v.started_on is not None)


def _adult_age(stay: Stay) -> int:
    return 18 if stay.state < GRANTED else GROUND_AGES.get(stay.ground or "", 21)


def _until_moved(thing: Thing, moves: Sequence[tuple[str, date]]) -> Thing:
    days = [day for place, day in moves if place == thing.place and day >= thing.start]
    if not days or thing.end <= (min(days), CLOSING):
        return thing
    return Thing(thing.rank, thing.place, thing.ground, thing.start, (min(days), MOVING))


def _stays(things: Sequence[Thing], moves: Sequence[tuple[str, date]], died: date | None) -> Iterator[Stay]:
    """From each moment something changes to the next; equal states in one are one stay."""
    ends = {thing.end for thing in things} | {(day, MOVING) for _, day in moves}
    moments = sorted({(thing.start, OPENING) for thing in things} | ends)
    if died:
        moments = [*(m for m in moments if m[0] <= died), (died, DYING)]
    told = list(_states(things, moves, moments))
    changes = [now for before, now in pairwise([(None, None), *told]) if now[1] != before[1]]
    episode_on, new = date.min, True
    for (moment, state), after in pairwise([*changes, (None, None)]):
        if not isinstance(state, int):
            new = True
            continue
        episode_on, new = (moment[0] if new else episode_on), state == NOTHING
        place, ground = _where(things, moment, state)
        last, to = (after[0][0], after[1]) if after[0] else (date.max, "lost")
        yield Stay(state, place, ground, moment[0], last, to, episode_on)


def _states(
    things: Sequence[Thing], moves: Sequence[tuple[str, date]], moments: Sequence[Moment]
) -> Iterator[tuple[Moment, int | str | None]]:
    away: Moment = (date.min, OPENING)
    for m in moments:
        begun = [t for t in things if (t.start, OPENING) <= m]
        furthest = max((t.rank for t in begun if t.end > m), default=NOTHING)
        latest = max((t.start for t in begun), default=date.min)
        if m[1] == DYING:
            yield m, "gone"
        elif furthest == NOTHING and (latest, OPENING) <= away:
            yield m, "moved" if away > (date.min, OPENING) else None
        elif furthest == NOTHING and m[1] == MOVING and _leaves(begun, moves, m):
            away = m
            yield m, "moved"
        else:
            lost = [t for t in begun if t.end[1] == LOSING and away < t.end <= m]
            unseen = [
                t for t in lost if not any(o.rank >= t.rank and (o.start, OPENING) > t.end for o in begun)
            ]
            yield m, "lost" if max((t.rank for t in unseen), default=0) > furthest else furthest


def _leaves(begun: Sequence[Thing], moves: Sequence[tuple[str, date]], m: Moment) -> bool:
    """Whether the move ends something, or is out of the municipality of the last event."""
    events = [((t.start, OPENING), t.rank, t.place) for t in begun]
    events += [(t.end, t.rank, t.place) for t in begun if t.end <= m and t.end[1] != MOVING]
    here = max(events)[2]
    return any(t.end == m for t in begun) or any(move == (here, m[0]) for move in moves)


def _where(things: Sequence[Thing], m: Moment, state: int) -> tuple[str, str | None]:
    """Municipality and legal ground: of the stage's latest opening, or of the last ending."""
    begun = [t for t in things if (t.start, OPENING) <= m]
    if state == NOTHING:
        last = max((t for t in begun if t.end == m), key=lambda t: (t.start, t.rank, t.place))
        return last.place, None
    latest = max((t for t in begun if t.rank == state), key=lambda t: (t.start, t.place, t.ground or ""))
    return latest.place, latest.ground


def returns(
    things: Things, referrals: Sequence[Row], group_of: Callable[[Row], str]
) -> dict[tuple[str, str], str]:
    """What came of the case each child's first referral of a group was in."""
    first: dict[tuple[str, str], date] = {}
    for r in referrals:
        if r.subject:
            key = group_of(r), r.subject
            first[key] = min(first.get(key, date.max), r.received_on)
    ends = {subject: things.ends(subject) for subject in {s for _, s in first}}
    return {key: _outcome(day, ends[key[1]]) for key, day in first.items()}


def _outcome(first_on: date, ends: Sequence[End]) -> str:
    end = next((end for end in sorted(ends, key=lambda e: e.on) if end.on >= first_on), None)
    return end.name if end and end.episode_on <= first_on else "not_delivered"

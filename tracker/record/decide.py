"""Decide: what a delivery says that the log did not already know.

This is the rule in plain Python, for one delivery against what is known of its stream (one
municipality and record type). PostgreSQL applies the same rule set-wise (``migrations/sql``); tests
hold the two together.

The newest statement of a fact stands unless a newer full delivery that covers its date leaves it out.
New and old are by *extracted on*, then delivery number: never by arrival.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from tracker.domain.delivery import Outcome
from tracker.domain.events import EventType, Kind
from tracker.domain.periods import Period
from tracker.record.log import OLDER_EXTRACT, Head
from tracker.record.stage import StagedDelivery, StagedEvent, StagedRow

Precedence = tuple[date, int]

TYPE_ORDER: Mapping[str, int] = {kind: n for n, kind in enumerate(EventType)}


@dataclass
class Stream:
    """What is known of one municipality and record type: the fold of its deliveries so far."""

    heads: dict[tuple[str, str], Head] = field(default_factory=dict)
    statements: dict[str, Precedence] = field(default_factory=dict)
    full: list[tuple[Precedence, Period]] = field(default_factory=list)

    def components(self) -> dict[str, list[Head]]:
        """Live heads by fact."""
        live: dict[str, list[Head]] = defaultdict(list)
        for head in self.heads.values():
            if head.live:
                live[head.fact_id].append(head)
        return live


@dataclass(frozen=True)
class Change:
    """One event to append: a new, next or withdrawn version."""

    kind: Kind
    fact_id: str
    type: str
    version: int
    replaces: int | None
    subject_id: str | None
    occurred_on: date | None
    content: str
    body: str
    row_no: int | None


@dataclass(frozen=True)
class Decision:
    """What a delivery changes, and the outcome of each of its rows."""

    changes: list[Change]
    outcomes: dict[int, tuple[Outcome, str]]  # row → outcome, set-aside rule
    restated: list[str]  # facts whose newest statement is now this delivery
    retracted: int
    covered: int

    def share(self) -> float:
        """Share of the covered facts that would be withdrawn."""
        return self.retracted / self.covered if self.covered else 0.0


def decide(staged: StagedDelivery, stream: Stream, delivery_no: int) -> Decision:
    """Compare a delivery with its stream; changes nothing."""
    rule = _Rule(staged, stream, (staged.note.extracted_on, delivery_no))
    decided = {row.row_no: rule.row(row) for row in staged.rows}
    changes = [change for row in staged.rows for change in decided[row.row_no][2]]
    withdrawn, covered = rule.withdrawals()
    return Decision(
        changes=changes + [change for fact in withdrawn for change in fact],
        outcomes={no: (outcome, rule_id) for no, (outcome, rule_id, _) in decided.items()}
        | dict.fromkeys(staged.quarantined, (Outcome.QUARANTINED, ""))
        | {no: (Outcome.SET_ASIDE, rule_id) for no, rule_id in staged.set_aside.items()},
        restated=[row.fact_id for row in staged.rows if not rule.newer_statement(row.fact_id)],
        retracted=len(withdrawn),
        covered=covered,
    )


class _Rule:
    """The rule applied to one delivery: holds what every row needs to look at."""

    def __init__(self, staged: StagedDelivery, stream: Stream, precedence: Precedence) -> None:
        self.staged, self.stream, self.precedence = staged, stream, precedence
        self.live = stream.components()
        self.events: dict[int, list[StagedEvent]] = defaultdict(list)
        for event in staged.events:
            self.events[event.row_no].append(event)

    def row(self, row: StagedRow) -> tuple[Outcome, str, list[Change]]:
        if self.newer_statement(row.fact_id):
            return self._older(row)
        if self._covered_by_newer_full(row.period_on):
            return Outcome.SET_ASIDE, OLDER_EXTRACT, list(self._retract(row.fact_id, row.row_no))
        return self._compare(row)

    def newer_statement(self, fact_id: str) -> bool:
        newest = self.stream.statements.get(fact_id)
        return newest is not None and newest > self.precedence

    def withdrawals(self) -> tuple[list[list[Change]], int]:
        """Facts a full delivery leaves out, and how many live facts its period covers."""
        if not self.staged.note.full:
            return [], 0
        covered = [fact for fact in self.live if self._in_period(fact)]
        stated = {row.fact_id for row in self.staged.rows}
        gone = sorted(
            fact
            for fact in covered
            if fact not in stated and not self.newer_statement(fact) and not self._protected(fact)
        )
        return [list(self._retract(fact, None)) for fact in gone], len(covered)

    def _older(self, row: StagedRow) -> tuple[Outcome, str, list[Change]]:
        known = {head.type: head.content for head in self.live.get(row.fact_id, [])}
        same = known == {event.type: event.content for event in self.events[row.row_no]}
        return (Outcome.UNCHANGED, "", []) if same else (Outcome.SET_ASIDE, OLDER_EXTRACT, [])

    def _covered_by_newer_full(self, day: date) -> bool:
        return any(p > self.precedence and day in period for p, period in self.stream.full)

    def _compare(self, row: StagedRow) -> tuple[Outcome, str, list[Change]]:
        changes = [c for event in self.events[row.row_no] if (c := self._next_version(event))]
        stated = {event.type for event in self.events[row.row_no]}
        changes += self._retract(row.fact_id, row.row_no, keep=stated)
        return _strongest(change.kind for change in changes), "", changes

    def _next_version(self, event: StagedEvent) -> Change | None:
        head = self.stream.heads.get((event.fact_id, event.type))
        if head and head.live and head.content == event.content:
            return None
        kind = Kind.CORRECTED if head and head.live else Kind.RECORDED
        return Change(
            kind=kind,
            fact_id=event.fact_id,
            type=event.type,
            version=head.version + 1 if head else 1,
            replaces=head.position if head else None,
            subject_id=event.subject_id,
            occurred_on=event.occurred_on,
            content=event.content,
            body=event.body,
            row_no=event.row_no,
        )

    def _retract(self, fact: str, row_no: int | None, keep: Iterable[str] = ()) -> Iterator[Change]:
        for head in sorted(self.live.get(fact, []), key=lambda head: TYPE_ORDER[head.type]):
            if head.type not in keep:
                yield Change(
                    kind=Kind.RETRACTED,
                    fact_id=fact,
                    type=head.type,
                    version=head.version + 1,
                    replaces=head.position,
                    subject_id=head.subject_id,
                    occurred_on=head.occurred_on,
                    content=head.content,
                    body="{}",
                    row_no=row_no,
                )

    def _in_period(self, fact: str) -> bool:
        return any(
            head.type == self.staged.opening
            and head.occurred_on is not None
            and head.occurred_on in self.staged.note.period
            for head in self.live[fact]
        )

    def _protected(self, fact: str) -> bool:
        subjects = {head.subject_id for head in self.live[fact]}
        return fact in self.staged.protected_facts or bool(subjects & self.staged.protected_subjects)


def _strongest(kinds: Iterable[Kind]) -> Outcome:
    """A row counts once: appended if it only adds, corrected if it changes or withdraws anything."""
    kinds = set(kinds)
    if not kinds:
        return Outcome.UNCHANGED
    return Outcome.APPENDED if kinds == {Kind.RECORDED} else Outcome.CORRECTED


def count(outcomes: Mapping[int, tuple[Outcome, str]]) -> tuple[dict[Outcome, int], dict[str, int]]:
    """Rows by outcome, and set-aside rows by rule."""
    by_outcome = Counter(outcome for outcome, _ in outcomes.values())
    rules = Counter(rule for outcome, rule in outcomes.values() if outcome is Outcome.SET_ASIDE)
    return {outcome: by_outcome[outcome] for outcome in Outcome}, dict(rules)


def delivery_body(staged: StagedDelivery, outcomes: Mapping[Outcome, int]) -> str:
    """Body of the ``DeliveryRecorded`` event that closes a loaded delivery's batch."""
    note = staged.note
    return json.dumps(
        {
            "period_from": note.period.first.isoformat(),
            "period_to": note.period.last.isoformat(),
            "full": note.full,
            "extracted_on": note.extracted_on.isoformat(),
            "system": note.system,
            "not_opened_complete": note.not_opened_complete,
            "synthetic": note.synthetic,
            "rows_read": sum(outcomes.values()),
            "quarantined": outcomes[Outcome.QUARANTINED],
        },
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )

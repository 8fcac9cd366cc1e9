"""Stage: pseudonymous claims become candidate events, keyed by the fact they speak of.

Identity of a fact (design decision 1): its source id only where the case system keeps ids stable;
otherwise child, record type, opening date and occurrence number; rows without a child are compared as
a multiset of contents. Never file names, times or row numbers. Sameness is a hash of the business
content; ids that churn between exports count only as given or not.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from hashlib import blake2b
from itertools import repeat
from json.encoder import encode_basestring
from operator import itemgetter
from typing import NamedTuple, TypeVar, cast

from tracker.domain.delivery import DeliveryNote, PseudonymousClaims, Value
from tracker.domain.events import LINKING_IDS, EventType
from tracker.domain.findings import Finding
from tracker.domain.spec import CellType, EventSpec, RecordSpec

SOURCE_ID_TYPES = frozenset({CellType.SOURCE_ID, CellType.SOURCE_IDS})
DUPLICATE_ROW = "duplicate_row"

_Cell = TypeVar("_Cell")


class StagedRow(NamedTuple):
    """One usable row: its Excel row, the fact it states (32 hex digits), the day that places it."""

    row_no: int
    fact_id: str
    period_on: date


class StagedEvent(NamedTuple):
    """One candidate event. ``content`` (32 hex digits) hashes the business content, churning ids masked."""

    row_no: int
    fact_id: str
    type: str
    subject_id: str | None
    occurred_on: date | None
    content: str
    body: str


class StagedIds(NamedTuple):
    """Ids of one row that mean something in this day's export alone: its fact, the ids by field."""

    fact_id: str
    ids: Mapping[str, str | tuple[str, ...]]


class DeliveredWording(NamedTuple):
    """One wording of a coded column as delivered, and how many rows held it."""

    field: str
    codebook: str
    wording: str
    rows: int


@dataclass(frozen=True)
class StagedDelivery:
    """Everything one delivery says, ready to be decided on.

    ``quarantined`` and ``set_aside`` are by Excel row. ``protected_facts`` and
    ``protected_subjects`` belong to quarantined rows: what they may have said is not known, so a full
    delivery retracts nothing of theirs.
    """

    note: DeliveryNote
    opening: str
    rows: Sequence[StagedRow]
    events: Sequence[StagedEvent]
    quarantined: Mapping[int, tuple[Finding, ...]] = field(default_factory=dict)
    set_aside: Mapping[int, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    wordings: Sequence[DeliveredWording] = ()
    protected_facts: frozenset[str] = frozenset()
    protected_subjects: frozenset[str] = frozenset()
    churning_ids: Sequence[StagedIds] = ()

    @property
    def rows_read(self) -> int:
        """Every data row of the file, whatever became of it."""
        return len(self.rows) + len(self.quarantined) + len(self.set_aside)


def stage(claims: PseudonymousClaims) -> StagedDelivery:
    """Candidate events and fact keys of a delivery.

    Rows that state one stable source id twice keep the first statement in content order; the others
    are set aside as ``duplicate_row``.
    """
    bodies = [_event_bodies(claims, event) for event in claims.spec.events]
    content = _row_content(claims, bodies)
    facts = _fact_ids(claims, content)
    stopped = claims.quarantined.keys() | claims.set_aside.keys()
    usable = [i for i in range(len(facts)) if i not in stopped]
    kept, duplicates = _first_of_each(usable, facts, content)
    numbers = claims.row_numbers
    return StagedDelivery(
        note=claims.note,
        opening=claims.spec.events[0].type,
        rows=_staged_rows(claims, kept, facts),
        events=_staged_events(claims, kept, facts, bodies),
        quarantined={numbers[i]: found for i, found in claims.quarantined.items()},
        set_aside={numbers[i]: rule for i, rule in claims.set_aside.items()}
        | {numbers[i]: DUPLICATE_ROW for i in duplicates},
        findings=claims.findings,
        wordings=_wordings(claims, usable),
        protected_facts=frozenset(facts[i] for i in claims.quarantined),
        protected_subjects=frozenset(s for i in claims.quarantined if (s := claims.subjects[i])),
        churning_ids=_churning_ids(claims, kept, facts),
    )


def _wordings(claims: PseudonymousClaims, usable: Sequence[int]) -> list[DeliveredWording]:
    """Wordings of all coded columns, the steward's queue and the sender's feedback."""
    coded = [c for c in claims.spec.columns if c.codebook and c.name in claims.columns]
    return [
        DeliveredWording(column.name, column.codebook, str(wording), rows)
        for column in coded
        for wording, rows in Counter(map(claims.columns[column.name].__getitem__, usable)).items()
        if wording is not None
    ]


class _Body(NamedTuple):
    """Per row: whether the event exists, its JSON body and its content with churning ids masked."""

    exists: Sequence[bool]
    body: Sequence[str]
    content: Sequence[str]


RowContent = Callable[[int], str]
"""The business content of a row over all its events; few rows are ever asked for it."""


def _row_content(claims: PseudonymousClaims, bodies: Sequence[_Body]) -> RowContent:
    nothing = [None] * len(claims.row_numbers)
    days = [claims.columns.get(event.on) or nothing for event in claims.spec.events]
    parts = list(zip(days, (body.content for body in bodies), strict=True))
    return lambda row: "|".join(f"{day[row] or ''}|{content[row]}" for day, content in parts)


def _event_bodies(claims: PseudonymousClaims, event: EventSpec) -> _Body:
    rows, columns = len(claims.row_numbers), claims.columns
    names = sorted(name for name in event.body if name in columns)
    fragments = {name: _encoded(columns[name], _encoder(name)) for name in names}
    exact = masked = _json_objects(fragments, rows)
    churning = [] if claims.note.stable_ids else [n for n in names if _is_source_id(claims.spec, n)]
    if churning:
        given = {name: _encoded(columns[name], _masking_encoder(name)) for name in churning}
        masked = _json_objects(fragments | given, rows)
    return _Body(_exists(claims, event.when), exact, masked)


def _is_source_id(spec: RecordSpec, name: str) -> bool:
    return spec.by_name[name].type in SOURCE_ID_TYPES


def _churning_ids(claims: PseudonymousClaims, kept: Sequence[int], facts: Sequence[str]) -> list[StagedIds]:
    """What the kept rows call their facts and refer to, where the system keeps no ids."""
    names = [name for name in LINKING_IDS if name in claims.columns]
    if claims.note.stable_ids or not names:
        return []
    cells = cast("list[list[str | tuple[str, ...]]]", [_picked(claims.columns[name], kept) for name in names])
    named = (
        {name: cell for name, cell in zip(names, row, strict=True) if cell}
        for row in zip(*cells, strict=True)
    )
    return [StagedIds(fact, ids) for fact, ids in zip(_picked(facts, kept), named, strict=True) if ids]


def _exists(claims: PseudonymousClaims, when: tuple[str, ...]) -> Sequence[bool]:
    if not when:
        return [True] * len(claims.row_numbers)
    exists = [False] * len(claims.row_numbers)
    for column in (claims.columns[name] for name in when if name in claims.columns):
        exists = [seen or value is not None for seen, value in zip(exists, column, strict=True)]
    return exists


Encoder = Callable[[Value], str]


def _json_objects(fragments: Mapping[str, Sequence[str]], rows: int) -> list[str]:
    """One canonical JSON object a row: keys in order, absent cells left out, no white space.

    ``fragments`` are the members by name, each with the comma after it.
    """
    if not fragments:
        return ["{}"] * rows
    return ["{" + "".join(row)[:-1] + "}" for row in zip(*fragments.values(), strict=True)]


def _encoded(cells: Sequence[Value], encode: Encoder) -> list[str]:
    different = set(cells)
    if len(different) > len(cells) // 2:  # ids, mostly: looking them up costs more than encoding them
        return [encode(cell) for cell in cells]
    return list(map({cell: encode(cell) for cell in different}.__getitem__, cells))


_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: it is called a lot


def _encoder(name: str) -> Encoder:
    key = _as_json(name)

    def encode(cell: Value) -> str:
        if isinstance(cell, str):
            return f"{key}:{encode_basestring(cell)},"
        if cell is None or cell == ():
            return ""
        return f"{key}:{_as_json(cell.isoformat() if isinstance(cell, date) else cell)},"

    return encode


def _masking_encoder(name: str) -> Encoder:
    """Ids that churn between exports count only as given or not."""
    given = f"{_as_json(name)}:true,"
    return lambda cell: "" if cell is None or cell == () else given


def _fact_ids(claims: PseudonymousClaims, content: RowContent) -> list[str]:
    """The fact each row states, as 32 hex digits."""
    scope = f"{claims.note.municipality}|{claims.note.record_type}"
    keys = _keys(claims, content)
    occurrence = _occurrences(keys, content)
    return [_digest(f"{scope}|{key}|{n}") for key, n in zip(keys, occurrence, strict=True)]


_BY_ID = "id|"


def _keys(claims: PseudonymousClaims, content: RowContent) -> list[str]:
    spec, rows = claims.spec, len(claims.row_numbers)
    sources = claims.columns.get(spec.source_id) if claims.note.stable_ids else None
    days = _encoded(claims.columns[spec.period_by], str)
    extra = [claims.columns.get(name) or [None] * rows for name in spec.identity]
    further = ["|".join(str(v) for v in row) for row in zip(*extra, strict=True)] if extra else [""] * rows

    def key(i: int) -> str:
        if sources is not None and sources[i] is not None:
            return f"{_BY_ID}{sources[i]}"
        if claims.subjects[i] is None and spec.person:
            return f"content|{content(i)}"
        return f"slot|{claims.subjects[i]}|{days[i]}|{further[i]}"

    return [key(i) for i in range(rows)]


def _occurrences(keys: Sequence[str], content: RowContent) -> list[int]:
    """1, 2, … among rows with one key, in content order, so that row order never matters."""
    numbers = [1] * len(keys)
    repeated = {key for key, rows in Counter(keys).items() if rows > 1 and not key.startswith(_BY_ID)}
    groups: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys) if repeated else ():
        if key in repeated:
            groups[key].append(i)
    for members in groups.values():
        for n, i in enumerate(sorted(members, key=content), start=1):
            numbers[i] = n
    return numbers


def _first_of_each(
    usable: Sequence[int], facts: Sequence[str], content: RowContent
) -> tuple[list[int], list[int]]:
    """Rows kept and rows that repeat a fact already stated in this file."""
    first: dict[str, int] = {}
    for i in usable:
        other = first.setdefault(facts[i], i)
        if other != i and content(i) < content(other):
            first[facts[i]] = i
    kept = [i for i in usable if first[facts[i]] == i]
    return kept, [i for i in usable if first[facts[i]] != i]


def _staged_rows(claims: PseudonymousClaims, kept: Sequence[int], facts: Sequence[str]) -> list[StagedRow]:
    days = _picked(claims.columns[claims.spec.period_by], kept)
    if not all(issubclass(kind, date) for kind in set(map(type, days))):
        raise TypeError("a usable row has the date that places it in a period")
    return list(map(_AS_ROW, zip(_picked(claims.row_numbers, kept), _picked(facts, kept), days, strict=True)))


def _staged_events(
    claims: PseudonymousClaims, kept: Sequence[int], facts: Sequence[str], bodies: Sequence[_Body]
) -> list[StagedEvent]:
    """Events of the kept rows in row order; of one row in the spec's order, a link last."""
    staged: list[StagedEvent] = []
    for event, body in zip(claims.spec.events, bodies, strict=True):
        staged += _events_of_kind(claims, event, body, facts, [i for i in kept if body.exists[i]])
    linked = claims.linked_subjects
    staged += [
        _link(claims.row_numbers[i], facts[i], claims.subjects[i], linked[i]) for i in kept if i in linked
    ]
    return sorted(staged, key=_ROW_NO)  # a merge of runs that are in order


def _events_of_kind(
    claims: PseudonymousClaims, event: EventSpec, body: _Body, facts: Sequence[str], rows: Sequence[int]
) -> Iterator[StagedEvent]:
    """One kind of event over ``rows``; child, day and content make it the same."""
    subjects = _picked(claims.subjects, rows)
    days = _picked(cast("Sequence[date | None]", claims.columns.get(event.on) or [None] * len(facts)), rows)
    said = zip(subjects, _encoded(days, str), _picked(body.content, rows), strict=True)
    contents = [_digest(f"{subject}|{day}|{content}") for subject, day, content in said]
    numbers, spoken_of = _picked(claims.row_numbers, rows), _picked(facts, rows)
    kinds = repeat(event.type, len(rows))
    cells = zip(numbers, spoken_of, kinds, subjects, days, contents, _picked(body.body, rows), strict=True)
    return map(_AS_EVENT, cells)


_ROW_NO = itemgetter(0)
_AS_ROW = cast("Callable[[Iterable[object]], StagedRow]", partial(tuple.__new__, StagedRow))
_AS_EVENT = cast("Callable[[Iterable[object]], StagedEvent]", partial(tuple.__new__, StagedEvent))
"""As ``StagedEvent._make``, which counts the fields of each."""


def _picked(column: Sequence[_Cell], rows: Sequence[int]) -> Sequence[_Cell]:
    """The cells of some rows, in order; mostly that is all of them."""
    return column if len(rows) == len(column) else list(map(column.__getitem__, rows))


def _link(row_no: int, fact: str, subject: str | None, other: str) -> StagedEvent:
    body = f'{{"other":"{other}"}}'
    return StagedEvent(
        row_no, fact, EventType.SUBJECTS_LINKED, subject, None, content_hash(subject, None, body), body
    )


def content_hash(subject: str | None, occurred_on: Value, content: str) -> str:
    """Sameness of an event: a digest of child, day and business content, as ``_staged_events`` makes it."""
    return _digest(f"{subject}|{occurred_on}|{content}")


_BLANK = blake2b(digest_size=16)  # copied, which is quicker than making one with its size


def _digest(text: str) -> str:
    """128 bits of BLAKE2b (RFC 7693) as 32 hex digits."""
    hasher = _BLANK.copy()
    hasher.update(text.encode())
    return hasher.hexdigest()

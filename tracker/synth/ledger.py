"""What the log should hold: the delivered states of every fact, and what should become of each row.

A plain, per-file reading of the rule of decision 1 in terms of *true* ids: a fact first seen is
appended; one whose events only grew is appended too; one that changed or lost something is corrected;
the same again is unchanged. A full delivery takes away what its period no longer holds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tracker.domain.spec import CellType, RecordSpec
from tracker.intake.spec_files import load_spec
from tracker.synth.episodes import Table
from tracker.synth.population import day_number
from tracker.synth.render import Cell, Rendered
from tracker.synth.schedule import Consignment

Events = dict[str, tuple[Cell, ...]]
SOURCE = {CellType.SOURCE_ID, CellType.SOURCE_IDS}


@dataclass
class _Stream:
    """One municipality's facts of one record type: day and place (frame, row) of the live state."""

    live: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    events: dict[str, Events] = field(default_factory=dict)
    nameless: Counter[tuple[Cell, ...]] = field(default_factory=Counter)


@dataclass
class Ledger:
    """Takes files in the order their systems were read; keeps the frames the live states lie in."""

    frames: list[tuple[Consignment, Table]] = field(default_factory=list)
    streams: dict[tuple[int, str], _Stream] = field(default_factory=lambda: defaultdict(_Stream))

    def known(self, consignment: Consignment) -> set[str]:
        """True ids live in the consignment's stream."""
        return set(self.streams[consignment.sender.index, consignment.record_type].live)

    def take(self, consignment: Consignment, rows: Table, rendered: Rendered) -> tuple[list[str], list[bool]]:
        """Enter a file's good rows; outcome of each, and whether it is certain.

        Where ids are not stable and two records of a child share a day, a change of one may be seen
        as a change of the other: then the outcome is not certain.
        """
        stream = self.streams[consignment.sender.index, consignment.record_type]
        fids, days = rows.fid.tolist(), rows.day.tolist()
        stated = _events(load_spec(consignment.record_type), rendered, stable=consignment.sender.stable_ids)
        by_content = _nameless(consignment, rendered, len(fids))
        outcomes = _outcomes(stream, fids, stated, by_content)
        certain = _certain(consignment, rendered, days, outcomes)
        self.frames.append((consignment, rows))
        self._enter(stream, consignment, fids, days, stated)
        return outcomes, certain

    def _enter(
        self,
        stream: _Stream,
        consignment: Consignment,
        fids: Sequence[str],
        days: Sequence[int],
        stated: list[Events],
    ) -> None:
        if consignment.full:
            first, last = day_number(consignment.period.first), day_number(consignment.period.last)
            here = set(fids)
            for fid in [
                f for f, (day, _, _) in stream.live.items() if first <= day <= last and f not in here
            ]:
                del stream.live[fid], stream.events[fid]
        frame = len(self.frames) - 1
        for k, (fid, day, events) in enumerate(zip(fids, days, stated, strict=True)):
            stream.live[fid], stream.events[fid] = (day, frame, k), events

    def final(self, record_type: str) -> list[tuple[Consignment, Table]]:
        """The live rows of one record type, frame by frame."""
        rows: dict[int, list[int]] = defaultdict(list)
        for (_, kind), stream in self.streams.items():
            if kind == record_type:
                for _, frame, k in stream.live.values():
                    rows[frame].append(k)
        return [(self.frames[f][0], self.frames[f][1].iloc[sorted(k)]) for f, k in sorted(rows.items())]


def _events(spec: RecordSpec, rendered: Rendered, *, stable: bool) -> list[Events]:
    """Per row: event type → day and delivered content, ids that churn only as given or not."""
    content, result = (
        rendered.content,
        [dict[str, tuple[Cell, ...]]() for _ in rendered.content[spec.period_by]],
    )
    for event in spec.events:
        names = ["child", event.on, *event.body]
        columns = [_masked(spec, n, content[n], stable=stable) for n in names if n in content]
        when = [content[n] for n in event.when if n in content]
        exists = [any(v is not None for v in row) for row in zip(*when, strict=True)] if when else []
        for k, values in enumerate(zip(*columns, strict=True)):
            if exists[k] if when else not event.when:
                result[k][event.type] = values
    return result


def _masked(spec: RecordSpec, name: str, values: Sequence[Cell], *, stable: bool) -> Sequence[Cell]:
    if stable or spec.by_name[name].type not in SOURCE:
        return values
    return [value is not None for value in values]


def _nameless(consignment: Consignment, rendered: Rendered, count: int) -> list[tuple[Cell, ...] | None]:
    """The content of rows that are compared by content: no child, and no stable id of their own."""
    spec = load_spec(consignment.record_type)
    if not spec.person or (consignment.sender.stable_ids and spec.source_id in rendered.headers):
        return [None] * count
    names = [n for n in rendered.content if n != "note" and spec.by_name[n].type not in SOURCE]
    child = rendered.content.get("child", [None] * count)
    rows = zip(*(rendered.content[n] for n in names), strict=True)
    return [row if key is None else None for key, row in zip(child, rows, strict=True)]


def _outcomes(
    stream: _Stream, fids: Sequence[str], stated: list[Events], by_content: list[tuple[Cell, ...] | None]
) -> list[str]:
    before = stream.nameless
    left, stream.nameless = Counter(before), Counter(c for c in by_content if c is not None)
    outcomes = []
    for fid, events, content in zip(fids, stated, by_content, strict=True):
        if content is not None:
            outcomes.append("unchanged" if left[content] > 0 else "appended")
            left[content] -= 1
        else:
            outcomes.append(_outcome(stream.events.get(fid, {}), events))
    return outcomes


def _outcome(before: Events, now: Events) -> str:
    if before == now:
        return "unchanged"
    changed = any(now.get(kind) != said for kind, said in before.items())
    return "corrected" if changed else "appended"


def _certain(
    consignment: Consignment, rendered: Rendered, days: Sequence[int], outcomes: Sequence[str]
) -> list[bool]:
    spec = load_spec(consignment.record_type)
    if (
        consignment.sender.stable_ids and spec.source_id in rendered.headers
    ) or "child" not in rendered.content:
        return [True] * len(days)
    slots = list(zip(rendered.content["child"], days, strict=True))
    shared = {slot for slot, n in Counter(slots).items() if n > 1}
    stirred = {
        s for s, outcome in zip(slots, outcomes, strict=True) if outcome != "unchanged" and s in shared
    }
    first = consignment.arrival == 1 and "corrected" not in outcomes
    return [first or s not in stirred for s in slots]

"""The operator's page: for every sender and record type, how far it reaches, how it went, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from tracker import __version__
from tracker.desk.drift import unmapped_shares, volumes
from tracker.desk.timelines import declared
from tracker.domain.delivery import DeliveryState, Outcome
from tracker.intake.municipalities import municipalities
from tracker.postgres import reading
from tracker.postgres.erasure import PostgresErasures
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.reading import DeliveryRecord
from tracker.projections.coverage import Seen
from tracker.projections.drift import Drift, Sender, Share, unmapped_drift, volume_drift
from tracker.publish.files import write_text
from tracker.publish.tables import TableFormat, write_table
from tracker.wiring import Installation

SILENT_DAYS = 120
"""A quarter and a month: who delivers quarterly and has not for so long is asked."""


@dataclass(frozen=True)
class Line:
    """One sender's deliveries of one record type. ``record_type`` is empty for files nobody recognised.

    ``covered`` are the stretches delivered in full, ``unmapped`` the share (0..1) of coded cells of the
    newest loaded delivery whose wording no code is known for, None where it has none.
    """

    municipality: str
    name: str
    record_type: str
    covered: tuple[str, ...]
    deliveries: int
    last_delivery: int
    received_on: date
    extracted_on: date | None
    outcome: str
    rows: int
    quarantined: int
    unmapped: float | None
    drift: tuple[str, ...]
    next_action: str


@dataclass(frozen=True)
class _Known:
    """What is looked up for all lines at once."""

    seen: Seen
    shares: Mapping[Sender, Sequence[Share]]
    drifts: Mapping[Sender, Sequence[Drift]]
    withdrawn: frozenset[str]
    loaded: Mapping[str, int]
    today: date


def status(place: Installation, today: date) -> list[Line]:
    """Every sender and record type that ever delivered, by municipality."""
    everything = reading.deliveries(place.url)
    groups: dict[Sender, list[DeliveryRecord]] = {}
    for delivery in everything:
        groups.setdefault((delivery.municipality, delivery.record_type), []).append(delivery)
    known = _known(place, everything, today)
    return [_line(sender, groups[sender], known) for sender in sorted(groups)]


def _known(place: Installation, everything: Sequence[DeliveryRecord], today: date) -> _Known:
    shares = unmapped_shares(place)
    drifts: dict[Sender, list[Drift]] = {}
    for one in (*volume_drift(volumes(place)), *unmapped_drift(shares)):
        drifts.setdefault((one.municipality, one.record_type), []).append(one)
    loaded = [one for one in everything if one.state is DeliveryState.LOADED]
    return _Known(
        seen=Seen(declared(place.url, PostgresLog(place.url).position())),
        shares=shares,
        drifts=drifts,
        withdrawn=PostgresErasures(place.url).withdrawn(),
        loaded={one.municipality: one.delivery_no for one in loaded},
        today=today,
    )


def _line(sender: Sender, deliveries: Sequence[DeliveryRecord], known: _Known) -> Line:
    municipality, record_type = sender
    last = deliveries[-1]
    drifts = known.drifts.get(sender, ())
    unmapped = _share(known.shares.get(sender, ()))
    standing = Standing(
        deliveries,
        newest_loaded=known.loaded.get(municipality, 0),
        withdrawn=municipality in known.withdrawn,
        drifting=bool(drifts),
        unmapped=unmapped,
    )
    return Line(
        municipality=municipality,
        name=municipalities().get(municipality, ""),
        record_type=record_type,
        covered=_covered(known.seen, sender),
        deliveries=len(deliveries),
        last_delivery=last.delivery_no,
        received_on=last.received_at.date(),
        extracted_on=last.extracted_on,
        outcome=last.outcome,
        rows=last.rows_read,
        quarantined=_waiting(last),
        unmapped=unmapped,
        drift=tuple(one.sentence for one in drifts),
        next_action=next_action(standing, known.today),
    )


def _covered(seen: Seen, sender: Sender) -> tuple[str, ...]:
    municipality, record_type = sender
    runs = seen.runs(municipality, frozenset({record_type})) if record_type else []
    return tuple(f"{run.first}..{run.last}" for run in runs)


def _share(shares: Sequence[Share]) -> float | None:
    last = [share for share in shares if share.delivery_no == shares[-1].delivery_no]
    cells = sum(share.cells for share in last)
    return sum(share.unmapped for share in last) / cells if cells else None


def _waiting(delivery: DeliveryRecord) -> int:
    return (delivery.outcomes or {}).get(Outcome.QUARANTINED, 0)


@dataclass(frozen=True)
class Standing:
    """How a sender stands with one record type. ``newest_loaded`` is of the sender, whatever the type."""

    deliveries: Sequence[DeliveryRecord]
    newest_loaded: int = 0
    withdrawn: bool = False
    drifting: bool = False
    unmapped: float | None = None


def next_action(standing: Standing, today: date) -> str:
    """The one thing that most needs a hand; empty when nothing does."""
    return next(_needs(standing, today), "")


def _needs(standing: Standing, today: date) -> Iterator[str]:
    """Everything that needs a hand, the most pressing first."""
    last = standing.deliveries[-1]
    if standing.withdrawn:
        yield "withdrawn: nothing is taken in"
    if held := _numbers(standing.deliveries, DeliveryState.HELD):
        yield f"confirm or dismiss {held}"
    if _numbers(standing.deliveries, DeliveryState.RECEIVED):
        yield "load: tracker ingest"
    if last.dismissed:
        yield f"ask for a new export instead of {last.delivery_no}"
    # A rejected file nobody recognised is done with when its sender delivered something that loads.
    elif last.state is DeliveryState.REJECTED and (
        last.record_type or standing.newest_loaded < last.delivery_no
    ):
        yield f"send the workbook of {last.delivery_no}"
    if waiting := _waiting(last):
        yield f"send the workbook of {last.delivery_no}: {waiting} rows wait"
    if standing.drifting:
        yield "ask the sender about the drift"
    if (silent := (today - last.received_at.date()).days) >= SILENT_DAYS:
        yield f"nothing for {silent} days"
    if standing.unmapped:
        yield "give codes: tracker codes unmapped"


def _numbers(deliveries: Iterable[DeliveryRecord], state: DeliveryState) -> str:
    return ", ".join(str(one.delivery_no) for one in deliveries if one.state is state)


def write_status(place: Installation, lines: Sequence[Line], path: Path, now: datetime) -> Path:
    """The page as a workbook, stamped; whole or not at all."""
    rows = [_flat(line) for line in lines]
    stamp = {
        "position": str(PostgresLog(place.url).position()),
        "as_of": now.isoformat(timespec="seconds"),
        "codebook": place.codebooks().version,
        "definition": "status/1",
        "software": f"tracker {__version__}",
    }
    return write_table(pd.DataFrame(rows, columns=list(Line.__annotations__)), stamp, path, TableFormat.XLSX)


PAGE_LINES = 100
"""What a page shown beside other things holds; whoever has more to do reads ``tracker status``."""


def write_page(place: Installation, lines: Sequence[Line], now: datetime) -> Path:
    """What needs a hand as Markdown, in ``TRACKER_HOME/status/status.md``, where Airflow's page shows it.

    In a folder of its own, so that whoever shows it needs to see nothing else of the installation.
    """
    return write_text(place.settings.home / "status" / "status.md", page(lines, now))


def page(lines: Sequence[Line], now: datetime) -> str:
    """The lines with a next action, at most ``PAGE_LINES`` of them, as a Markdown table."""
    asked = [line for line in lines if line.next_action]
    senders = len({line.municipality for line in lines})
    told = f"{len(lines)} streams of {senders} senders; {len(asked)} need a hand"
    head = ["### What needs a hand", "", f"As of {now:%Y-%m-%d %H:%M} UTC: {told}.", ""]
    if not asked:
        return "\n".join(head)
    table = ["| sender | next action | last delivery |", "|---|---|---|"]
    rest = len(asked) - PAGE_LINES
    tail = ["", f"{rest} more: `tracker status`"] if rest > 0 else []
    return "\n".join([*head, *table, *map(_row, asked[:PAGE_LINES]), *tail, ""])


def _row(line: Line) -> str:
    """Three cells: Airflow shows the page in a narrow window, and what to do must not need scrolling."""
    last = [f"{line.last_delivery} {line.outcome} {line.received_on}"]
    if line.unmapped:
        last.append(f"{line.unmapped:.1%} unmapped")
    sender = f"{line.municipality} {line.name}, {line.record_type or 'not recognised'}"
    cells = (sender, line.next_action, "; ".join([*last, *line.drift]))
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _flat(line: Line) -> dict[str, object]:
    told = asdict(line)
    return told | {"covered": "; ".join(line.covered), "drift": "; ".join(line.drift)}

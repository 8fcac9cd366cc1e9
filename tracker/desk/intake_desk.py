"""The operator's desk: files found, taken in, looked at; deliveries listed, confirmed and tried again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.errors import NotFound, RejectedFile, UsageError
from tracker.domain.findings import Finding
from tracker.intake.inbox import InboxFile, fingerprint, read_parcel, scan
from tracker.intake.parcel import Parcel
from tracker.intake.privacy_guard import safe_text
from tracker.pipeline import Delivered, TakenIn, Tools, load, preview, take_in_all
from tracker.postgres import reading
from tracker.record.log import FileTaken, Receipt
from tracker.wiring import Installation

Step = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """Files of an inbox that can be taken in, and a sentence for each thing there that cannot."""

    files: Sequence[InboxFile]
    problems: Sequence[str]


@dataclass(frozen=True)
class Line:
    """One delivery as the operator sees it after loading."""

    no: int
    municipality: str
    file: str
    state: str
    rows: int
    appended: int
    corrected: int
    unchanged: int
    quarantined: int
    set_aside: int
    withdrawn: int


LINE_COLUMNS = (
    *("no", "municipality", "state", "rows", "appended", "corrected", "unchanged", "quarantined"),
    *("set_aside", "withdrawn", "file"),
)
LOOK_COLUMNS = LINE_COLUMNS[1:]
LISTED_COLUMNS = (
    *("no", "municipality", "type", "extracted_on", "state", "rows", "quarantined", "withdrawn"),
    "file",
)
TOLD_COLUMNS = ("rule", "severity", "sheet", "row", "column", "rows", "message", "remedy")
QUARANTINE_COLUMNS = ("no", "municipality", "sheet", "row", "column", "rule", "message", "remedy")


WITHDRAWN = (
    "the municipality has withdrawn; nothing it sends is taken in before: tracker erase register-again"
)


def find(path: Path, withdrawn: Collection[str] = ()) -> Found:
    """What lies in an inbox, or the one file ``path`` names; raises ``UsageError`` when there is neither.

    Files of municipalities that are ``withdrawn`` are told of and left where they are.
    """
    if path.is_dir():
        inbox, only = path, None
    elif path.is_file():
        inbox, only = path.absolute().parent.parent, path.absolute()
    else:
        shown = safe_text(str(path))
        raise UsageError(f"{shown} does not exist; an inbox has a folder for each municipality: inbox/0180/")
    seen = [file for file in scan(inbox) if only is None or file.path.absolute() == only]
    problems = [
        f"{safe_text(str(file.path))}: {file.problem.message} {file.problem.remedy}"
        for file in seen
        if file.problem
    ]
    problems += [
        f"{safe_text(str(file.path))}: {WITHDRAWN}" for file in seen if file.municipality in withdrawn
    ]
    usable = [file for file in seen if file.problem is None and file.municipality not in withdrawn]
    return Found(usable, problems)


def take_in(
    files: Sequence[InboxFile], place: Installation, step: Step, tell: Step = lambda said: None
) -> list[TakenIn]:
    """Store and number files; those that are to be loaded, municipality by municipality as found.

    ``tell`` hears of each that could not be read: gone since it was found, closed to us, or too large. One
    too large is not kept, but is a delivery, rejected, so that its sender is told.
    """
    tools, waiting = place.tools()(), []
    for some in _armfuls(_parcels(files, tools, tell)):
        delivered = [Delivered(file.municipality, file.name, parcel) for file, parcel in some]
        for taken, (file, _) in zip(take_in_all(delivered, tools), some, strict=True):
            if taken.state is DeliveryState.RECEIVED:
                waiting.append(taken)
            step(f"{file.municipality} {file.name}")
    return waiting


def _parcels(files: Sequence[InboxFile], tools: Tools, tell: Step) -> Iterator[tuple[InboxFile, Parcel]]:
    for file in files:
        try:
            parcel = read_parcel(file, tools.limits.file_size)
        except RejectedFile as refused:
            tell(f"{safe_text(str(file.path))}: {refused} {refused.remedy}")
            if refused.rule == TOO_LARGE:
                _turn_away(file, refused, tools)
            continue
        yield file, parcel


TOO_LARGE = "FILE-002"


def _turn_away(file: InboxFile, refused: RejectedFile, tools: Tools) -> None:
    with suppress(RejectedFile):  # gone by now
        digest, size = fingerprint(file)
        known = tools.log.register_all([FileTaken(file.municipality, file.name, digest, size)])[0]
        tools.log.reject(known.delivery_no, refused)


ARMFUL = 10_000_000
"""Bytes of files taken in at one go, one file at least: they are all in memory then."""


def _armfuls(files: Iterable[tuple[InboxFile, Parcel]]) -> Iterator[list[tuple[InboxFile, Parcel]]]:
    some: list[tuple[InboxFile, Parcel]] = []
    size = 0
    for file, parcel in files:
        some.append((file, parcel))
        size += len(parcel.content)
        if size > ARMFUL:
            yield some
            some, size = [], 0
    if some:
        yield some


def look(file: InboxFile, place: Installation, step: Step) -> Line:
    """What loading a file would do."""
    try:
        receipt = _look(file, place.tools()())
        state = "held" if _would_hold(receipt, place.settings.hold_share) else "would load"
    except RejectedFile as rejected:
        receipt, state = Receipt(0, 0, DeliveryState.REJECTED), f"rejected: {rejected}"
    step(f"{file.municipality} {file.name}")
    return _line(receipt, file.municipality, file.name, state)


def _look(file: InboxFile, tools: Tools) -> Receipt:
    return preview(file.municipality, file.name, read_parcel(file, tools.limits.file_size), tools)


def line(taken: TakenIn, receipt: Receipt) -> Line:
    """A loaded delivery as one line."""
    return _line(receipt, taken.municipality, taken.file_name, receipt.state)


def listed(delivery: reading.DeliveryRecord) -> dict[str, Any]:
    """A delivery as one line of the list."""
    outcomes = delivery.outcomes or {}
    period = f"{delivery.period_from}..{delivery.period_to}" if delivery.period_from else ""
    return {
        "no": delivery.delivery_no,
        "municipality": delivery.municipality,
        "file": delivery.file_name,
        "type": delivery.record_type,
        "period": period,
        "full": "yes" if delivery.full else "no",
        "extracted_on": delivery.extracted_on,
        "state": delivery.outcome,
        "rule": delivery.rule,
        "rows": delivery.rows_read,
        **{outcome.value: outcomes.get(outcome, 0) for outcome in Outcome},
        "withdrawn": delivery.retractions,
        "covered": delivery.covered,
    }


def told(finding: Finding) -> dict[str, Any]:
    """A finding as one line."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "sheet": finding.sheet,
        "row": finding.row,
        "column": finding.column,
        "rows": finding.count,
        "fields": list(finding.fields),
        "expected": finding.expected,
        "found": finding.found,
        "message": finding.message,
        "remedy": finding.remedy,
    }


def quarantined(url: str, delivery_no: int | None) -> list[dict[str, Any]]:
    """Every quarantined row's findings, newest attempt of each delivery."""
    return [
        {"no": d.delivery_no, "municipality": d.municipality, **told(finding)}
        for d in reading.deliveries(url, delivery_no)
        for finding, stops in reading.findings(url, d.delivery_no, d.attempt)
        if stops
    ]


def confirm(delivery_no: int, place: Installation) -> Receipt:
    """Load a held delivery, whatever it retracts; raises ``UsageError`` unless it is held."""
    delivery = _known(place.url, delivery_no)
    if delivery.state is not DeliveryState.HELD:
        raise UsageError(f"delivery {delivery_no} is {delivery.state}; only a held one is confirmed")
    return load(taken(delivery), place.tools()(), hold_share=1.0)


def retry(delivery_no: int | None, place: Installation) -> Iterator[tuple[int, Receipt]]:
    """Read deliveries with quarantined rows, and rejected ones, again from the store.

    One that was dismissed is read again only by its number, and is then held as before.
    """
    tools = place.tools()()
    chosen = reading.deliveries(place.url, delivery_no)
    for delivery in chosen:
        waits = delivery.state is DeliveryState.REJECTED or (delivery.outcomes or {}).get(
            Outcome.QUARANTINED, 0
        )
        waits = waits and (delivery_no is not None or not delivery.dismissed)
        stored = delivery_no is not None or delivery.digest.hex() in tools.store  # else expired, or erased
        if waits and stored:
            yield delivery.delivery_no, load(taken(delivery), tools, retry=True)


def _known(url: str, delivery_no: int) -> reading.DeliveryRecord:
    found = reading.deliveries(url, delivery_no)
    if not found:
        raise NotFound(f"there is no delivery {delivery_no}; see: tracker deliveries")
    return found[0]


def taken(delivery: reading.DeliveryRecord) -> TakenIn:
    """A delivery that lies in the store, ready to be loaded again."""
    return TakenIn(delivery.delivery_no, delivery.municipality, delivery.file_name, delivery.digest, 0)


def _would_hold(receipt: Receipt, share: float) -> bool:
    return receipt.covered > 0 and receipt.retractions / receipt.covered > share


def _line(receipt: Receipt, municipality: str, file: str, state: str) -> Line:
    outcomes = {outcome.value: receipt.outcomes.get(outcome, 0) for outcome in Outcome}
    number = receipt.delivery_no
    return Line(
        number, municipality, file, state, receipt.rows_read, **outcomes, withdrawn=receipt.retractions
    )

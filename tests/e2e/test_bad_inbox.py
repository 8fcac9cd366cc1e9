"""Everything wrong with an inbox at once: the process lives, every sender is told, good rows are in."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest

from tests.e2e import bad_inbox
from tests.e2e.bad_inbox import Case
from tests.e2e.conftest import NewInstallation
from tests.e2e.log_content import content, problems_of_accounting
from tests.e2e.searching import cells_of
from tracker import pipeline
from tracker.desk import intake_desk
from tracker.desk.feedback import send_feedback
from tracker.domain.delivery import DeliveryState
from tracker.domain.errors import NotFound, RejectedFile, TrackerError
from tracker.domain.findings import Finding, Severity
from tracker.intake.inbox import scan
from tracker.postgres import reading
from tracker.postgres.engine import StatementRefused
from tracker.postgres.reading import DeliveryRecord
from tracker.record.log import Receipt
from tracker.wiring import Installation

CASES = bad_inbox.all_cases()
FOR_SENDERS = ("FILE-", "ID-", "CELL-", "REF-", "INV-")


def run(place: Installation, inbox: Path) -> list[str]:
    """What ``tracker ingest`` does: files found and taken in, loaded by two workers, feedback sent."""
    found = intake_desk.find(inbox)
    waiting = intake_desk.take_in(found.files, place, lambda _: None)
    loaded = [taken.delivery_no for taken, _ in pipeline.load_all(waiting, place.tools(), 2)]
    send_feedback(loaded, place, lambda _: None)
    return list(found.problems)


@dataclass(frozen=True)
class Ingested:
    """An installation after the inbox, and what was said of the things that are no deliveries."""

    place: Installation
    inbox: Path
    problems: list[str]
    strays: Mapping[str, str]
    deliveries: Mapping[str, DeliveryRecord]

    def findings(self, case: Case) -> list[Finding]:
        """Findings of a case's delivery."""
        delivery = self.deliveries[case.shown]
        return [f for f, _ in reading.findings(self.place.url, delivery.delivery_no, delivery.attempt)]


@pytest.fixture(scope="module")
def ingested(new_installation: NewInstallation, open_directory: Path) -> Ingested:
    place = new_installation(open_directory / "bad")
    bad_inbox.build(place.settings.inbox, CASES)
    strays = bad_inbox.strays(place.settings.inbox)
    problems = run(place, place.settings.inbox)
    deliveries = {delivery.file_name: delivery for delivery in reading.deliveries(place.url)}
    return Ingested(place, place.settings.inbox, problems, strays, deliveries)


def test_every_file_was_taken_in_and_every_row_is_accounted_for(ingested: Ingested) -> None:
    assert set(ingested.deliveries) == {case.shown for case in CASES}
    assert problems_of_accounting(ingested.place.url) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.shown)
def test_a_file_becomes_what_it_must(ingested: Ingested, case: Case) -> None:
    delivery = ingested.deliveries[case.shown]
    outcomes = {outcome.value: number for outcome, number in (delivery.outcomes or {}).items()}
    standing = sum(outcomes[name] for name in ("appended", "corrected", "unchanged"))
    assert delivery.state == case.state
    assert (delivery.rows_read, standing) == (case.rows, case.good)
    assert (outcomes["quarantined"], outcomes["set_aside"]) == (case.bad, case.aside)


@pytest.mark.parametrize("case", [case for case in CASES if case.rules], ids=lambda case: case.shown)
def test_its_sender_is_told_where_and_what_to_do(ingested: Ingested, case: Case) -> None:
    told = ingested.findings(case)
    for rule, row in case.rules.items():
        about = [finding for finding in told if finding.rule == rule]
        assert about, f"{rule} is missing among {[finding.rule for finding in told]}"
        finding = about[0]
        assert finding.message and finding.remedy
        assert finding.row == row
        if row is not None and finding.severity is Severity.ERROR and not rule.startswith("FILE-02"):
            assert finding.column and finding.expected and finding.found
    assert all(finding.rule.startswith(FOR_SENDERS) for finding in told)
    assert (case.state == "rejected") == any(f.severity is Severity.FATAL for f in told)


def test_words_to_senders_are_swedish_and_whole(ingested: Ingested) -> None:
    every = [finding for case in CASES for finding in ingested.findings(case)]
    for finding in every:
        words = f"{finding.message} {finding.remedy} {finding.expected} {finding.found}"
        assert not set(words.lower().split()) & {"the", "is", "row", "file", "not", "none", "and", "with"}
        assert "{" not in words and "None" not in words
        assert finding.message.rstrip()[-1] in ".)"
    assert len({finding.rule for finding in every}) > 45


def test_good_files_get_no_complaint(ingested: Ingested) -> None:
    for case in CASES:
        if not case.rules and case.municipality in ("0114", "0115"):
            assert [f.message for f in ingested.findings(case) if f.severity is not Severity.INFO] == []


def test_what_is_no_delivery_is_named_with_its_reason(ingested: Ingested) -> None:
    refused = {file.path.name: file.problem.rule for file in scan(ingested.inbox) if file.problem}
    assert refused == ingested.strays
    assert len(ingested.problems) == len(ingested.strays)
    assert all(any(name in problem for problem in ingested.problems) for name in ingested.strays)


def test_others_are_as_if_the_bad_files_had_never_come(
    ingested: Ingested, new_installation: NewInstallation, open_directory: Path
) -> None:
    alone = new_installation(open_directory / "good", ingested.place.settings.keys)
    bad_inbox.build(alone.settings.inbox, bad_inbox.good_cases())
    run(alone, alone.settings.inbox)
    for municipality in ("0114", "0115"):
        theirs = content(ingested.place.url, municipality)
        assert theirs and theirs == content(alone.url, municipality)


def test_a_delivery_that_fails_stops_nobody_else(
    new_installation: NewInstallation, open_directory: Path
) -> None:
    """What is no fault of a file: it went missing from the store between being taken in and being read."""
    place = new_installation(open_directory / "failing")
    bad_inbox.build(place.settings.inbox, bad_inbox.good_cases())
    files = intake_desk.find(place.settings.inbox).files
    waiting = intake_desk.take_in(files, place, lambda _: None)
    lost = waiting[0]
    assert place.tools()().store.delete(lost.digest.hex())
    loaded: list[tuple[pipeline.TakenIn, Receipt]] = []
    with pytest.raises(NotFound):
        loaded.extend(pipeline.load_all(waiting, place.tools(), 2))
    assert {taken.municipality for taken, _ in loaded} == {"0115"}
    states = {d.delivery_no: d.state for d in reading.deliveries(place.url)}
    assert states[lost.delivery_no] is DeliveryState.RECEIVED
    run(place, place.settings.inbox)
    assert {d.state for d in reading.deliveries(place.url)} == {DeliveryState.LOADED}


@pytest.mark.parametrize(
    "error", [RejectedFile("FILE-001", "tom", "fyll"), StatementRefused("54000", "x"), NotFound("nobody")]
)
def test_errors_come_whole_from_a_worker(error: TrackerError) -> None:
    came = pickle.loads(pickle.dumps(error))
    assert (type(came), str(came), vars(came)) == (type(error), str(error), vars(error))


def test_running_again_changes_nothing(ingested: Ingested) -> None:
    before = sorted(cells_of(ingested.place.url))
    written = {path: path.read_bytes() for path in ingested.place.settings.outbox.rglob("*.xlsx")}
    run(ingested.place, ingested.inbox)
    assert sorted(cells_of(ingested.place.url)) == before
    assert {path: path.read_bytes() for path in ingested.place.settings.outbox.rglob("*.xlsx")} == written


def test_trying_again_finds_the_same(ingested: Ingested) -> None:
    said = content(ingested.place.url)
    for number, receipt in intake_desk.retry(None, ingested.place):
        assert receipt.delivery_no == number
    assert problems_of_accounting(ingested.place.url) == []
    facts = {key: n for key, n in content(ingested.place.url).items() if key[0][2] != "DeliveryRecorded"}
    assert facts == {key: n for key, n in said.items() if key[0][2] != "DeliveryRecorded"}


def test_every_delivery_has_a_workbook_that_says_whether_it_is_used(ingested: Ingested) -> None:
    for case in CASES:
        delivery = ingested.deliveries[case.shown]
        name = f"aterkoppling-{delivery.delivery_no:05d}.xlsx"
        workbook = openpyxl.load_workbook(ingested.place.settings.outbox / case.municipality / name)
        texts = [str(cell) for row in workbook["Sammanfattning"].values for cell in row if cell is not None]
        answer = "Nej" if case.state == "rejected" else "Delvis" if case.bad else "Ja"
        assert texts[1] == answer, case.name
        rules = {row[1] for row in workbook["Fel och varningar"].values}
        assert set(case.rules) <= rules

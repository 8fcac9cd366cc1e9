"""The canary run: national ids planted everywhere, the whole story told, and none of them anywhere after."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e import canary_inbox, searching
from tests.e2e.canaries import Canaries, full_width, ten, twelve
from tests.e2e.command import Answer, environment, tracker, tracker_here
from tests.e2e.conftest import NewInstallation
from tracker.desk import intake_desk, timelines
from tracker.domain.delivery import DeliveryState
from tracker.domain.errors import TrackerError
from tracker.harmonise.claims import claim
from tracker.intake.extract import extract
from tracker.intake.inbox import read_parcel
from tracker.intake.sidecar import read_sidecar
from tracker.pipeline import TakenIn, load
from tracker.postgres import reading
from tracker.postgres.embedded import EmbeddedServer
from tracker.pseudonymise.pseudonymise import pseudonymise
from tracker.record.stage import stage
from tracker.wiring import Installation

CONFIRMED = 1.0


@dataclass
class Story:
    """What was planted, where it all happened, and every word that was said."""

    place: Installation
    birds: Canaries
    watch: searching.Watch
    said: dict[str, str] = field(default_factory=dict)
    exits: dict[str, int] = field(default_factory=dict)

    def run(self, name: str, *arguments: str | Path, typed: str = "", **more: str) -> None:
        """A command here; its words and exit code are kept."""
        self._keep(name, tracker_here(self._environment(**more), *arguments, typed=typed))

    def run_apart(self, name: str, *arguments: str | Path) -> None:
        """A command in a process of its own, with what its workers print."""
        self._keep(name, tracker(self._environment(), *arguments))

    def _environment(self, **more: str) -> dict[str, str]:
        return environment(self.place, TMPDIR=str(self.place.settings.home / "tmp"), **more)

    def _keep(self, name: str, answer: Answer) -> None:
        self.said[name] = answer.stdout + answer.stderr
        self.exits[name] = answer.code


@pytest.fixture(scope="module")
def story(
    new_installation: NewInstallation, open_directory: Path, own_server: EmbeddedServer
) -> Iterator[Story]:
    """The whole story once: looked at, taken in, loaded, held, confirmed, tried again, shown, broken."""
    place, birds = new_installation(open_directory / "canary"), Canaries()
    home, inbox = place.settings.home, place.settings.inbox
    (home / "tmp").mkdir()
    canary_inbox.build(inbox, birds)
    outside = open_directory / "canary-inbox"
    inbox.rename(outside)  # what lies in it is the sender's
    with searching.Watch(home, birds) as watch:
        story = Story(place, birds, watch)
        story.run("look", "ingest", outside, "--dry-run", "--json")
        story.run_apart("ingest", "ingest", outside)
        canary_inbox.corrected(outside, birds)
        story.run("again", "ingest", outside, "--workers", "1")
        story.run("held", "deliveries", "--state", "held", "--json")
        story.run("deliveries", "deliveries")
        numbers = [d.delivery_no for d in reading.deliveries(place.url)]
        held = [d.delivery_no for d in reading.deliveries(place.url) if d.state is DeliveryState.HELD]
        story.run("confirm", "confirm", str(held[0]))
        for number in numbers[:3]:
            story.run(f"delivery {number}", "deliveries", str(number), "--json")
        story.run("quarantine", "quarantine", "list", "--json")
        story.run("retry", "quarantine", "retry")
        story.run("unmapped", "codes", "unmapped", "--json")
        story.run("snapshot", "snapshot", home / "snapshot")
        story.run("flow", "flow", home / "snapshot", "--out", home / "flow", "--format", "csv", "--picture")
        story.run(
            "feedback", "feedback", "1", "--out", home / "feedback.xlsx", "--snapshot", home / "snapshot"
        )
        someone = next(d for d, where in birds.places.items() if where == "child column of a corrected file")
        story.run("timeline", "timeline", "--lookup", "--json", typed=f"{someone}\n")
        story.run("nobody", "timeline", "--lookup", typed=f"{birds.new('typed in, nobody')}\n")
        story.run("damaged", "timeline", "--lookup", typed=f"{birds.new('typed in, damaged')[:11]}\n")
        wrong = place.url.replace("tracker:", f"tracker:{birds.new('password')}", 1)
        story.run("wrong database", "ingest", outside, TRACKER_DATABASE_URL=wrong)
        story.run("no keys", "ingest", outside, TRACKER_KEYS=str(home / "nowhere"))
        story.run("no such file", "ingest", outside / f"{birds.new('path typed in')}.xlsx")
    own_server.stop()  # flushes its log and writes its pages
    own_server.start()
    yield story
    (home / "inbox").mkdir(exist_ok=True)


def test_the_story_was_told_to_its_end(story: Story) -> None:
    wrong = {name: code for name, code in story.exits.items() if code not in (0, 3)}
    assert wrong == {"nobody": 8, "damaged": 2, "wrong database": 4, "no keys": 6, "no such file": 2}
    states = {d.state for d in reading.deliveries(story.place.url)}
    assert states == {DeliveryState.LOADED, DeliveryState.REJECTED}
    assert "Traceback" not in "".join(story.said.values())


def test_numbers_that_can_be_used_became_subjects(story: Story) -> None:
    with psycopg.connect(story.place.url) as connection:
        connection.execute("SET ROLE tracker_vault")
        counted = connection.execute("SELECT kind, count(*) FROM vault.subject GROUP BY kind").fetchall()
    kinds: dict[str, int] = dict(counted)
    assert kinds["pnr"] >= 40
    assert kinds["sam"] >= 3


def test_no_number_is_in_any_table(story: Story) -> None:
    assert searching.in_database(story.place.url, story.birds) == {}


def test_no_number_is_in_the_servers_files_or_log(story: Story, own_server: EmbeddedServer) -> None:
    """Tables, indexes, the write-ahead log, temporary files and the log, as bytes."""
    found = {}
    for path in own_server.location.rglob("*"):
        if path.is_file() and (places := story.birds.in_bytes(path.read_bytes())):
            found[str(path.relative_to(own_server.location))] = places
    assert found == {}


def test_no_number_is_in_what_the_installation_holds(story: Story) -> None:
    """Store, outbox, snapshot, flow, feedback, what was left in temporary places."""
    assert searching.in_folder(story.place.settings.home, story.birds) == {}
    names = {path.name for path in story.place.settings.home.iterdir()}
    assert {"store", "outbox", "snapshot", "flow", "feedback.xlsx", "tmp"} <= names


def test_no_number_was_in_a_file_that_came_and_went(story: Story) -> None:
    assert story.watch.found == {}
    assert len(story.watch.seen) > 20


def test_no_number_was_said(story: Story) -> None:
    said = {name: story.birds.in_text(text) for name, text in story.said.items()}
    assert {name: places for name, places in said.items() if places} == {}


def test_nothing_is_left_in_temporary_places(story: Story) -> None:
    assert list((story.place.settings.home / "tmp").iterdir()) == []


def test_the_store_holds_ciphertext_of_every_delivery(story: Story) -> None:
    files = [path for path in story.place.settings.store.rglob("*") if path.is_file()]
    assert len(files) == len(reading.deliveries(story.place.url))
    for path in files:
        content = path.read_bytes()
        assert b"PK\x03\x04" not in content
        assert b"Personnummer" not in content


def test_no_number_is_in_what_python_shows_of_the_steps(
    story: Story, open_directory: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """``repr`` of every type handed on, at every step; a log or a failed assertion may print it."""
    caplog.set_level(logging.DEBUG)
    tools, shown = story.place.tools()(), []
    for file in intake_desk.find(open_directory / "canary-inbox").files:
        parcel = read_parcel(file)
        shown += [repr(parcel), repr(file.name), repr(tools)]
        try:
            sidecar = None if parcel.sidecar is None else read_sidecar(parcel.sidecar)
            delivered = extract(file.name, parcel.content, file.municipality, sidecar)
        except TrackerError as error:
            shown.append("".join(traceback.format_exception(error)))
            continue
        claims = claim(delivered)
        known = pseudonymise(claims, tools.keyring, tools.vault)
        shown += [repr(delivered), repr(claims), repr(known), repr(stage(known))]
    printed = capfd.readouterr()
    assert story.birds.in_text("\n".join([*shown, caplog.text, printed.out, printed.err])) == set()
    assert len(shown) > 60


def test_no_number_is_in_an_error(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    """Errors of the store, the keys, the vault and the database, with everything chained to them."""
    caplog.set_level(logging.DEBUG)
    place, birds = story.place, story.birds
    tools = place.tools()()
    first = reading.deliveries(place.url)[0]
    errors: list[BaseException] = []
    gone = TakenIn(first.delivery_no, first.municipality, first.file_name, b"\1" * 32, 1)
    for attempt in (
        lambda: load(gone, tools, retry=True),
        lambda: timelines.lookup(birds.new("looked up"), "", "", place, date(2025, 1, 1)),
        lambda: timelines.lookup(ten(birds.new("looked up"))[:9], "", "", place, date(2025, 1, 1)),
        lambda: intake_desk.find(Path(twelve(birds.new("inbox that is not there")))),
        lambda: tools.log.register("", birds.new("refused file name"), b"x", -1),
    ):
        with pytest.raises(TrackerError) as raised:
            attempt()
        errors.append(raised.value)
    told = "".join("".join(traceback.format_exception(error)) for error in errors)
    assert birds.in_text(told + caplog.text) == set()
    assert len(told) > 1000


def test_the_search_finds_every_number_where_it_was_planted(story: Story, open_directory: Path) -> None:
    """Else the tests above would prove nothing: the sender's own files hold every one of them."""
    typed = {place for place in story.birds.places.values() if place.startswith(("typed in", "looked up"))}
    typed |= {"password", "path typed in", "inbox that is not there", "refused file name"}
    found = searching.in_folder(open_directory / "canary-inbox", story.birds)
    planted = set(story.birds.places.values()) | set(story.birds.texts.values())
    assert planted - typed - set().union(*found.values()) == set()


def test_the_search_finds_numbers_in_tables_and_parquet(story: Story, tmp_path: Path) -> None:
    control = Canaries()
    digits = control.new("control", born=date(2008, 7, 7))
    for n, written in enumerate((digits, twelve(digits), ten(digits, " "), full_width(ten(digits)))):
        pq.write_table(pa.table({"body": [f'{{"x":"{written}"}}']}), tmp_path / f"{n}.parquet")
    assert len(searching.in_folder(tmp_path, control)) == 4
    rows = [row for _, row in searching.cells_of(story.place.url)]
    tables = {name for name, _ in searching.cells_of(story.place.url)}
    assert {"record.event", "vault.subject", "intake.finding", "intake.spelling"} <= tables
    assert len(rows) > 500

"""A child or a municipality is erased: nothing of it is left, the rest stands, and the log still verifies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from tests.e2e.canaries import number, ten, twelve
from tests.e2e.command import environment, tracker, tracker_here
from tests.e2e.searching import cells_of
from tests.integration.guarded import (
    TrustingServer,
    database_on,
    install,
    migrate,
    trusting_server,
)
from tests.integration.guarded import deliver as numbered
from tests.log_histories import Row
from tracker.desk import erasure, intake_desk, scheduled
from tracker.desk.erasure import Named
from tracker.desk.snapshots import resolve, take_snapshot
from tracker.desk.verification import anchor, anchor_restored, verify_log
from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.errors import NotFound, UsageError
from tracker.intake.parcel import Parcel
from tracker.pipeline import TakenIn, load, read, take_in
from tracker.postgres import reading
from tracker.postgres.engine import Role, StatementRefused, close, connect
from tracker.postgres.erasure import PostgresErasures
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.log_reading import declared_deliveries
from tracker.postgres.officers import admit_officer
from tracker.postgres.schema import ROOT
from tracker.postgres.vault import PostgresVault
from tracker.pseudonymise.keyring import Purpose
from tracker.record.erasures import LedgerEntry
from tracker.record.log import Receipt
from tracker.record.sealed_file import Tampered
from tracker.wiring import Installation, keyring

TODAY = date(2025, 3, 1)
NOW = datetime(2025, 3, 1, tzinfo=UTC)
ALMA = number(date(2010, 4, 5), 981)
ALMA_BEFORE = number(date(2010, 4, 5), 982, coordination=True)
BO = number(date(2011, 6, 7), 983)
CAJ = number(date(2012, 8, 9), 984)

WHY = ("begäran från vårdnadshavare", "GDPR art. 17.1 d")
SIDECAR = (
    "record_type: {}\nperiod_from: 2024-01-01\nperiod_to: 2024-12-31\nextracted_on: {}\nfull: {}\n"
    "system: Procura\n"
)
HEADERS = "Personnummer;Inkom datum;Aktualiseringstyp;Aktualiserad av;Åtgärd;Åtgärdsdatum"
RARE = "Grannens systers hemliga anmälan"


@pytest.fixture(scope="module")
def server(open_directory: Path) -> Iterator[TrustingServer]:
    with trusting_server(open_directory / "erasure") as running:
        yield running


@pytest.fixture(scope="module")
def migrated(server: TrustingServer) -> Iterator[str]:
    with database_on(server) as name:
        migrate(server, name)
        yield name


@pytest.fixture
def place(server: TrustingServer, migrated: str, tmp_path: Path) -> Iterator[Installation]:
    with database_on(server, migrated) as name:
        installed = install(server.url(name), tmp_path / "home")
        for officer in ("anna", "bert"):
            admit_officer(installed.url, officer, "synthetic")
        yield installed


def acting(place: Installation, login: str) -> Installation:
    """The same installation, used with another login."""
    return Installation(place.settings, place.url.replace("steward@", f"{login}@"))


def row(
    child: str, day: str, kind: str = "Anmälan", by: str = "Skola", action: str = "Utredning inleds"
) -> str:
    return f"{child};{day};{kind};{by};{action};{day}"


def deliver(
    place: Installation,
    rows: Sequence[str],
    extracted: str = "2025-01-15",
    municipality: str = "0180",
    *,
    full: bool = True,
    headers: str = HEADERS,
    record_type: str = "referrals",
) -> tuple[TakenIn, Receipt]:
    content = "\n".join([headers, *rows, ""]).encode()
    parcel = Parcel(content, SIDECAR.format(record_type, extracted, str(full).lower()).encode())
    tools = place.tools()()
    taken = take_in(municipality, "leverans.csv", parcel, tools)
    receipt = load(taken, tools, hold_share=1.0)
    erasure.forget_redelivered(place)
    anchor(place)
    return taken, receipt


def subject_of(place: Installation, child: str) -> str:
    return erasure._subject(place, Named(child), TODAY)


def erase(place: Installation, child: str) -> erasure.CarriedOut:
    asked = erasure.request_subject(acting(place, "anna"), Named(child), *WHY, TODAY)
    return erasure.approve(acting(place, "bert"), asked, Named(ten(child)), TODAY)


def withdraw(place: Installation, municipality: str) -> erasure.CarriedOut:
    asked = erasure.request_municipality(acting(place, "anna"), municipality, *WHY)
    return erasure.approve(acting(place, "bert"), asked, None, TODAY)


def query(place: Installation, statement: str, login: str = "admin") -> list[tuple[Any, ...]]:
    with psycopg.connect(place.url.replace("steward@", f"{login}@")) as connection:
        return connection.execute(statement.encode()).fetchall()


def live(place: Installation) -> set[tuple[Any, ...]]:
    return set(query(place, "SELECT fact_id, event_type, version, position, subject_id FROM projection.head"))


def left_in_database(place: Installation, texts: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, told in cells_of(place.url.replace("steward@", "admin@")):
        for text in texts:
            if text in told:
                found.setdefault(table, set()).add(text)
    return found


def left_in_files(place: Installation, texts: Sequence[str]) -> set[str]:
    store = place.tools()().store
    contents = {name: store.get(name) for name in store.names()}
    for path in place.settings.anchors.iterdir():
        contents[path.name] = path.read_bytes()
    return {name for name, content in contents.items() for text in texts if text.encode() in content}


THREE = [
    row(twelve(ALMA), "2024-03-04", by=RARE),
    row(twelve(BO), "2024-03-05"),
    row(ten(CAJ), "2024-04-06"),
]


def test_nothing_of_an_erased_child_is_left_and_the_rest_stands(place: Installation) -> None:
    deliver(place, THREE)
    deliver(place, [row(ALMA, "2024-05-01"), row(BO, "2024-05-02")], municipality="0184")
    alma, bo = subject_of(place, ALMA), subject_of(place, BO)
    others = {head for head in live(place) if head[4] != UUID(alma)}
    done = erase(place, ALMA)
    assert done.events == 4
    assert done.deliveries == (1, 2)
    assert live(place) == others
    traces = [alma, ALMA, ALMA[2:], ten(ALMA), twelve(ALMA), RARE]
    assert left_in_database(place, traces) == {}
    assert left_in_files(place, [alma, ALMA, ALMA[2:], ten(ALMA), twelve(ALMA), RARE]) == set()
    assert left_in_database(place, [bo]).keys() >= {"record.event", "projection.head", "vault.subject"}
    assert [event for event in PostgresLog(place.url).events() if event.subject_id == alma] == []
    found = verify_log(place)
    assert found.holds, found.problems
    (erased,) = found.erasures
    assert (found.erased, erased.found, erased.position, erased.legal_basis) == (4, 4, done.position, WHY[1])
    assert erased.event_type == "SubjectErased"


def test_the_vault_keeps_the_hash_alone(place: Installation) -> None:
    deliver(place, THREE)
    erase(place, ALMA)
    states = query(
        place, "SELECT state, count(*), count(subject_id) FROM vault.subject GROUP BY 1 ORDER BY 1"
    )
    assert states == [("erased", 1, 0), ("live", 2, 2)]
    lines = (place.settings.anchors / "erasures.jsonl").read_text().splitlines()
    ledger = [json.loads(line) for line in lines]
    kept = {one["id_hmac"] for one in ledger[0]["ids"]}
    assert kept == {
        h.hex() for (h,) in query(place, "SELECT id_hmac FROM vault.subject WHERE state = 'erased'")
    }
    assert (ledger[0]["requested_by"], ledger[0]["approved_by"]) == ("anna", "bert")


def test_a_child_of_two_numbers_is_erased_under_both(place: Installation) -> None:
    deliver(place, [row(ALMA_BEFORE, "2024-01-02"), *THREE])
    headers = "Personnummer;Datum;Uppgift;Tidigare personnummer"
    fact = f"{ALMA};2024-02-02;Bytt personnummer;{ALMA_BEFORE}"
    deliver(place, [fact], headers=headers, record_type="child_facts", full=False)
    both = [subject_of(place, ALMA), subject_of(place, ALMA_BEFORE)]
    assert query(place, "SELECT count(*) FROM record.event WHERE event_type = 'SubjectsLinked'") == [(1,)]
    erase(place, ALMA_BEFORE)
    assert left_in_database(place, [*both, ALMA, ALMA_BEFORE]) == {}
    assert query(place, "SELECT count(*) FROM vault.subject WHERE state = 'erased'") == [(2,)]
    assert verify_log(place).holds


def test_a_redelivered_child_is_set_aside_and_counted(place: Installation) -> None:
    deliver(place, THREE)
    erase(place, ALMA)
    before = live(place)
    taken, receipt = deliver(place, THREE, "2025-02-15")
    assert receipt.set_aside == {"erased_subject": 1}
    assert (receipt.outcomes[Outcome.UNCHANGED], receipt.retractions) == (2, 0)
    assert live(place) == before
    assert taken.digest.hex() not in place.tools()().store  # nothing in it waits for a mend
    assert left_in_files(place, [ALMA, ALMA[2:], twelve(ALMA)]) == set()
    assert verify_log(place).holds


def test_a_full_delivery_without_the_child_withdraws_nothing(place: Installation) -> None:
    deliver(place, THREE)
    erase(place, ALMA)
    _, receipt = deliver(place, THREE[1:], "2025-02-15")
    assert (receipt.retractions, receipt.covered) == (0, 2)


def test_keys_rotated_since_still_know_the_erased(place: Installation) -> None:
    deliver(place, THREE)
    erase(place, ALMA)
    rotated = keyring(place.settings).rotate(Purpose.ID)
    assert PostgresVault(place.url, rotated.identities).rotate() == 3
    _, receipt = deliver(place, THREE, "2025-02-15")
    assert receipt.set_aside == {"erased_subject": 1}


def test_files_with_quarantined_rows_about_the_child_are_searched(place: Installation) -> None:
    broken = row(twelve(ALMA), "2024-13-45", by=RARE)
    taken, receipt = deliver(place, [broken, THREE[1]], municipality="1480")
    assert receipt.outcomes[Outcome.QUARANTINED] == 1
    innocent, _ = deliver(place, [row(twelve(BO), "2024-13-45")], municipality="1280")
    deliver(place, THREE)
    done = erase(place, ALMA)
    assert taken.delivery_no in done.deliveries
    assert innocent.delivery_no not in done.deliveries
    assert left_in_files(place, [ALMA, twelve(ALMA), RARE]) == set()
    told = {
        (f.found, f.expected, f.message)
        for f, _ in reading.findings(place.url, taken.delivery_no, 1)
        if f.row
    }
    assert told == {("", "", "Uppgiften är raderad.")}
    assert left_in_database(place, [RARE, "2024-13-45"]).keys() <= {"intake.finding"}  # the innocent one's
    assert next(iter(intake_desk.retry(None, place)))[0] == innocent.delivery_no


def test_ids_that_churn_go_with_the_child_and_with_the_municipality(place: Installation) -> None:
    """Each export of two children leaves what it called their rows; a correction's earlier ids too."""
    headers, sidecar = HEADERS + ";Aktualiserings-id", SIDECAR + "stable_ids: false\n"
    tools = place.tools()()
    for municipality in ("0180", "0184"):
        for day, kind in [("2025-01-01", "Anmälan"), ("2025-01-02", "Ansökan"), ("2025-01-03", "Ansökan")]:
            lines = [row(twelve(child), "2024-03-04", kind) + f";{child[-4:]}-{day}" for child in (ALMA, BO)]
            content = "\n".join([headers, *lines, ""]).encode()
            parcel = Parcel(content, sidecar.format("referrals", day, "true").encode())
            load(take_in(municipality, f"{day}.csv", parcel, tools), tools, hold_share=1.0)
    anchor(place)
    of_bo = set(
        query(place, f"SELECT fact_id FROM record.event WHERE subject_id = '{subject_of(place, BO)}'")
    )
    kept = "SELECT DISTINCT fact_id FROM intake.churning_ids"
    assert query(place, "SELECT count(*) FROM intake.churning_ids") == [(12,)]
    erase(place, ALMA)
    assert set(query(place, kept)) == of_bo
    assert query(place, "SELECT count(*) FROM intake.churning_ids") == [(6,)]
    withdraw(place, "0184")
    assert query(place, "SELECT count(*) FROM intake.churning_ids") == [(3,)]
    assert set(query(place, kept)) < of_bo
    assert verify_log(place).holds
    with pytest.raises(StatementRefused), connect(place.url, Role.ERASER) as connection:
        connection.exec_driver_sql("DELETE FROM intake.churning_ids")


def test_a_held_delivery_about_the_child_is_reached_and_may_come_again(place: Installation) -> None:
    deliver(place, THREE)
    tools, rows = place.tools()(), [row(twelve(ALMA), "2024-03-04")]
    parcel = Parcel(
        "\n".join([HEADERS, *rows, ""]).encode(), SIDECAR.format("referrals", "2025-02-01", "true").encode()
    )
    taken = take_in("0180", "kort.csv", parcel, tools)
    assert load(taken, tools).state is DeliveryState.HELD
    assert taken.delivery_no in erase(place, ALMA).deliveries
    assert left_in_files(place, [ALMA, twelve(ALMA)]) == set()
    with pytest.raises(NotFound):
        intake_desk.confirm(taken.delivery_no, place)
    take_in("0180", "kort.csv", parcel, tools)
    receipt = intake_desk.confirm(taken.delivery_no, place)
    assert receipt.set_aside == {"erased_subject": 1}


def test_a_loader_that_read_the_subject_before_is_refused_and_runs_again(place: Installation) -> None:
    deliver(place, THREE)
    tools = place.tools()()
    parcel = Parcel(
        "\n".join([HEADERS, row(ALMA, "2024-09-09"), ""]).encode(),
        SIDECAR.format("referrals", "2025-02-01", "false").encode(),
    )
    taken = take_in("0180", "sen.csv", parcel, tools)
    staged = read("0180", "sen.csv", parcel, tools, tools.vault)
    erase(place, ALMA)
    with pytest.raises(StatementRefused) as refused:
        tools.log.load(taken.delivery_no, staged)
    assert refused.value.sqlstate == "23514"
    assert load(taken, tools).set_aside == {"erased_subject": 1}
    assert verify_log(place).holds


def test_an_earlier_statement_about_the_wrong_child_does_not_come_back(place: Installation) -> None:
    """A row first named Bo, then was corrected to Alma: with Alma erased Bo must not get it again."""
    headers = HEADERS + ";Aktualiserings-id"
    one = row(twelve(BO), "2024-03-04") + ";A-1"
    other = row(twelve(ALMA), "2024-03-04") + ";A-1"
    sidecar = SIDECAR + "stable_ids: true\n"
    tools = place.tools()()
    for day, line in [("2025-01-01", one), ("2025-01-02", other)]:
        content = "\n".join([headers, line, ""]).encode()
        parcel = Parcel(content, sidecar.format("referrals", day, "true").encode())
        load(take_in("0180", "x.csv", parcel, tools), tools, hold_share=1.0)
    anchor(place)
    assert erase(place, ALMA).events == 4
    assert live(place) == set()
    with connect(place.url, Role.PROJECTOR) as connection:
        connection.exec_driver_sql("SELECT projection.refold()")
    assert live(place) == set()
    assert verify_log(place).holds


def test_heads_folded_again_are_the_live_ones(place: Installation) -> None:
    headers = HEADERS + ";Aktualiserings-id"
    sidecar = SIDECAR + "stable_ids: true\n"
    tools = place.tools()()
    for day, child in [("2025-01-01", ALMA), ("2025-01-02", BO)]:
        content = "\n".join([headers, row(twelve(child), "2024-03-04") + ";A-1", ""]).encode()
        parcel = Parcel(content, sidecar.format("referrals", day, "true").encode())
        load(take_in("0180", "x.csv", parcel, tools), tools, hold_share=1.0)
    deliver(place, THREE, municipality="0184")
    erase(place, ALMA)
    before = live(place)
    assert {version for _, _, version, _, _ in before} == {1, 2}
    with connect(place.url, Role.PROJECTOR) as connection:
        connection.exec_driver_sql("SELECT projection.refold()")
    assert live(place) == before


# -- two people --------------------------------------------------------------------------------------


def test_the_same_login_cannot_approve(place: Installation) -> None:
    deliver(place, THREE)
    anna = acting(place, "anna")
    asked = erasure.request_subject(anna, Named(ALMA), *WHY, TODAY)
    with pytest.raises(UsageError, match="cannot approve"):
        erasure.approve(anna, asked, Named(ALMA), TODAY)
    assert subject_of(place, ALMA)
    assert not (place.settings.anchors / "erasures.jsonl").exists()
    (listed,) = PostgresErasures(place.url).requests()
    assert (listed.requested_by, listed.approved_by, listed.done_at) == ("anna", None, None)


def test_both_must_mean_the_same_child(place: Installation) -> None:
    deliver(place, THREE)
    asked = erasure.request_subject(acting(place, "anna"), Named(ALMA), *WHY, TODAY)
    with pytest.raises(UsageError, match="another child"):
        erasure.approve(acting(place, "bert"), asked, Named(BO), TODAY)
    with pytest.raises(UsageError, match="name the child again"):
        erasure.approve(acting(place, "bert"), asked, None, TODAY)
    assert live(place) != set()


def test_approved_once(place: Installation) -> None:
    deliver(place, THREE)
    withdraw(place, "0180")
    with pytest.raises(UsageError, match="already"):
        erasure.approve(acting(place, "bert"), 1, None, TODAY)
    with pytest.raises(NotFound):
        erasure.approve(acting(place, "bert"), 7, None, TODAY)


def test_what_cannot_be_asked_for_is_said(place: Installation) -> None:
    deliver(place, THREE)
    for named, error in [(Named("20101332-9999"), UsageError), (Named("K-17"), UsageError)]:
        with pytest.raises(error) as refused:
            erasure.request_subject(place, named, *WHY, TODAY)
        assert named.identity not in str(refused.value)
    with pytest.raises(NotFound):
        erasure.request_subject(place, Named(number(date(2009, 1, 1), 999)), *WHY, TODAY)
    with pytest.raises(UsageError, match="no identity"):
        erasure.request_subject(place, Named(ALMA), f"för {ten(BO)}", "GDPR", TODAY)
    with pytest.raises(UsageError, match="four digits"):
        erasure.request_municipality(place, "9999", *WHY)


def test_nobody_forges_who_asked_or_erases_another_way(place: Installation) -> None:
    """The owner of every table, and whoever migrates, is held as the others are."""
    deliver(place, THREE)
    erasure.request_municipality(place, "0180", *WHY)  # asked for by steward, who may act as the owner
    forged = [
        "INSERT INTO erasure.approval VALUES (1, 'steward', 'bert', now())",
        "INSERT INTO erasure.approval VALUES (1, 'anna', 'bert', now())",
        "UPDATE erasure.request SET requested_by = 'anna'",
        "UPDATE record.event SET body = '{}'",
        "UPDATE record.event SET salt = NULL, event_type = NULL, kind = NULL, subject_id = NULL, "
        "municipality = NULL, record_type = NULL, fact_id = NULL, version = NULL, replaces = NULL, "
        "occurred_on = NULL, delivery_no = NULL, row_no = NULL, content = NULL, body = NULL, erased_by = 1",
        "DELETE FROM intake.spelling",
        "DELETE FROM erasure.request",
        "UPDATE intake.row_outcome SET fact_id = NULL",
    ]
    for statement in forged:
        for role in (Role.OWNER, Role.ERASER, Role.RECORDER, Role.PROJECTOR):
            with pytest.raises(StatementRefused) as refused, connect(place.url, role) as connection:
                connection.exec_driver_sql(statement)
            assert refused.value.sqlstate in {"42501", "23001", "23514", "23503"}, (role, statement)
    with psycopg.connect(place.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SET ROLE tracker_erasing")
    for call in (
        "erase_subjects(gen_random_uuid(), '{}', NULL, 'x', 'x', 'a', 'b')",
        "empty_events('{1}', 2)",
    ):
        for role in (Role.ERASER, Role.OWNER):
            with pytest.raises(StatementRefused) as refused, connect(place.url, role) as connection:
                connection.exec_driver_sql(f"SELECT erasure.{call}")
            assert refused.value.sqlstate == "42501"
    with pytest.raises(StatementRefused), connect(acting(place, "anna").url, Role.ERASER) as connection:
        connection.exec_driver_sql(
            "SELECT erasure.replay_municipality(gen_random_uuid(), '0180', 'x', 'y', 'a', 'b')"
        )


def test_an_officer_reads_and_erases_and_no_more(place: Installation) -> None:
    anna = acting(place, "anna")
    for role in (Role.OWNER, Role.RECORDER, Role.PROJECTOR):
        with pytest.raises(Exception, match="cannot take the roles"), connect(anna.url, role):
            pass
    with pytest.raises(UsageError, match="small letters"):
        admit_officer(place.url, "tracker_owner", "x")


# -- a municipality ----------------------------------------------------------------------------------


def test_a_municipality_withdraws_and_the_others_stand(place: Installation) -> None:
    deliver(place, THREE)
    deliver(place, [row(BO, "2024-05-02"), row(twelve(CAJ), "2024-13-99")], municipality="0184")
    bo, alma = subject_of(place, BO), subject_of(place, ALMA)
    others = {head for head in live(place) if head[3] > 7}
    assert len(others) == 2
    done = withdraw(place, "0180")
    assert (done.events, done.deliveries) == (7, (1,))
    assert live(place) == others
    assert subject_of(place, BO) == bo
    assert left_in_database(place, [alma, ALMA, RARE]) == {}
    with pytest.raises(NotFound):
        subject_of(place, ALMA)  # forgotten, not marked: it may come with another municipality
    assert [event.municipality for event in declared_deliveries(place.url, 99)] == ["0184"]
    found = verify_log(place)
    assert found.holds, found.problems
    assert [(e.event_type, e.found) for e in found.erasures] == [("MunicipalityErased", 7)]
    _, receipt = deliver(place, [row(ALMA, "2024-06-06")], "2025-02-02", municipality="0184", full=False)
    assert receipt.outcomes[Outcome.APPENDED] == 1


def test_a_withdrawn_municipality_delivers_nothing_before_it_is_registered_again(place: Installation) -> None:
    taken, first = deliver(place, THREE)
    withdraw(place, "0180")
    with pytest.raises(StatementRefused) as refused:
        deliver(place, THREE, "2025-02-02")
    assert refused.value.sqlstate == "23514"
    inbox = place.settings.inbox / "0180"
    inbox.mkdir(parents=True)
    (inbox / "ny.csv").write_text("x")
    found = intake_desk.find(place.settings.inbox, PostgresErasures(place.url).withdrawn())
    assert (found.files, len(found.problems)) == ([], 1)
    assert "has withdrawn" in found.problems[0]
    erasure.register_again(acting(place, "anna"), "0180", "nytt avtal", NOW)
    again, receipt = deliver(place, THREE)  # the very same file
    assert again.delivery_no != taken.delivery_no
    assert receipt.outcomes == first.outcomes
    assert again.digest.hex() in place.tools()().store
    erasure.finish(place)
    assert again.digest.hex() in place.tools()().store
    assert verify_log(place).holds
    with pytest.raises(UsageError, match="has not withdrawn"):
        erasure.register_again(place, "0180", "nytt avtal", NOW)


@pytest.fixture
def service(server: TrustingServer, place: Installation) -> Iterator[Installation]:
    """The installation as a service's login uses it: every role but the owner's and the eraser's."""
    roles = ", ".join(sorted(set(Role) - {Role.OWNER, Role.ERASER}))
    with psycopg.connect(server.url("postgres", "admin"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE service LOGIN; GRANT {roles} TO service WITH INHERIT FALSE".encode())
        connection.execute(f"GRANT CONNECT ON DATABASE {place.url.rpartition('/')[2]} TO service".encode())
        try:
            yield acting(place, "service")
        finally:
            close(acting(place, "service").url)
            with psycopg.connect(place.url.replace("steward@", "admin@")) as own:
                own.execute("DROP OWNED BY service")
            connection.execute("DROP ROLE service")


def test_a_service_loads_beside_a_withdrawal_that_was_interrupted(
    place: Installation, service: Installation
) -> None:
    """Its login may not take a file off the list; it leaves these to an officer, and forgets the rest."""
    deliver(place, [row(CAJ, "2024-05-03")], municipality="0184")
    erase(place, CAJ)
    deliver(place, THREE)
    asked = erasure.request_municipality(acting(place, "anna"), "0180", *WHY)
    PostgresErasures(acting(place, "bert").url).approve(asked, None, lambda entry: None)  # killed here
    named, _ = deliver(service, [row(CAJ, "2024-06-03"), row(BO, "2024-06-04")], municipality="0184")
    assert named.digest.hex() not in place.tools()().store, "it named an erased child"
    assert scheduled.news(service, [named.delivery_no])["deliveries"] == 1


def test_what_an_interrupted_withdrawal_left_goes_before_its_sender_comes_again(
    place: Installation, service: Installation
) -> None:
    taken, _ = deliver(place, THREE)
    asked = erasure.request_municipality(acting(place, "anna"), "0180", *WHY)
    PostgresErasures(acting(place, "bert").url).approve(asked, None, lambda entry: None)  # killed here
    assert erasure.forget_redelivered(service) == []
    assert taken.digest.hex() in place.tools()().store
    erasure.register_again(acting(place, "anna"), "0180", "nytt avtal", NOW)
    assert taken.digest.hex() not in place.tools()().store
    again, _ = deliver(service, THREE)
    assert erasure.finish(place) == []
    assert again.digest.hex() in place.tools()().store


# -- restoring, snapshots, the disk ------------------------------------------------------------------


@pytest.fixture
def before(server: TrustingServer, place: Installation) -> Iterator[Installation]:
    """A copy of the database from before anything was erased, as a restore makes one."""
    deliver(place, THREE)
    deliver(place, [row(BO, "2024-05-02"), row(CAJ, "2024-05-03")], municipality="0184")
    close(place.url)
    with database_on(server, place.url.rpartition("/")[2]) as name:
        yield Installation(place.settings, server.url(name))


def test_a_restored_log_forgets_again(place: Installation, before: Installation) -> None:
    alma = subject_of(before, ALMA)
    late = number(date(2013, 1, 2), 985)
    deliver(place, [row(late, "2024-05-03")], "2025-02-02", municipality="1480")  # not in the backup
    erase(place, ALMA)
    erase(place, late)
    withdraw(place, "0184")
    rotated = keyring(place.settings).rotate(Purpose.ID)
    PostgresVault(place.url, rotated.identities).rotate()
    assert len(erasure.unknown_erasures(before)) == 3
    anchor_restored(before)
    told = erasure.replay_erasures(before)
    assert (told.replayed, told.known, told.events) == (3, 0, 4 - 2 + 5)
    assert erasure.unknown_erasures(before) == []
    assert left_in_database(before, [alma, ALMA, RARE]) == {}
    assert {
        m for (m,) in query(before, "SELECT municipality FROM record.event WHERE subject_id IS NOT NULL")
    } == {"0180"}
    found = verify_log(before)
    assert found.holds, found.problems
    again = erasure.replay_erasures(before)
    assert (again.replayed, again.known, again.events) == (0, 3, 0)
    _, receipt = deliver(before, [row(late, "2024-05-03"), THREE[0]], "2025-03-02", municipality="1480")
    assert receipt.set_aside == {"erased_subject": 2}


def test_a_changed_ledger_is_not_replayed(place: Installation, before: Installation) -> None:
    erase(place, ALMA)
    path = place.settings.anchors / "erasures.jsonl"
    path.write_text(path.read_text().replace("begäran", "begaran"))
    with pytest.raises(Tampered, match="line 1"):
        erasure.replay_erasures(before)


def test_snapshots_after_an_erasure_do_not_hold_the_child_and_say_so(
    place: Installation, tmp_path: Path
) -> None:
    deliver(place, THREE)
    alma, position = subject_of(place, ALMA), resolve(place.url, None)
    erase(place, ALMA)
    for at in (position, resolve(place.url, None)):
        out = tmp_path / f"snapshot{at}"
        manifest = take_snapshot(place.url, out, place.codebooks(), at, lambda step: None)
        assert manifest.erasures == 1
        assert manifest.tables["referrals"]["rows"] == 2
        assert all(alma.encode() not in path.read_bytes() for path in out.iterdir())


def test_scrubbing_takes_the_bytes_off_the_disk(place: Installation, open_directory: Path) -> None:
    deliver(place, THREE)
    alma = UUID(subject_of(place, ALMA)).bytes
    data = open_directory / "erasure" / "data" / "base"
    ((oid,),) = query(place, "SELECT oid FROM pg_database WHERE datname = current_database()")

    def holding() -> set[str]:
        with psycopg.connect(place.url.replace("steward@", "admin@"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        files = (path for path in (data / str(oid)).iterdir() if path.is_file())
        return {path.name for path in files if alma in (c := path.read_bytes()) or RARE.encode() in c}

    assert holding()
    erase(place, ALMA)
    PostgresErasures(place.url).scrub()
    assert holding() == set()
    assert verify_log(place).holds


def test_a_log_from_before_erasures_is_upgraded_and_erased_from(
    server: TrustingServer, tmp_path: Path
) -> None:
    with database_on(server) as name:
        place = install(server.url(name), tmp_path / "home")
        with connect(place.url) as connection:
            connection.exec_driver_sql("CREATE SCHEMA migration")
            config = Config(ROOT / "alembic.ini")
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
        numbered(place.url, "0180", [Row(1, 0, 5, "stöd", None), Row(2, 1, None, None, None)], 10)
        migrate(server, name)
        with connect(place.url, Role.VAULT) as connection:
            connection.exec_driver_sql(
                "INSERT INTO vault.subject VALUES "
                "(sha256('1'), 1, 'pnr', '', '00000000-0000-0000-0000-000000000001')"
            )
        for officer in ("anna", "bert"):
            admit_officer(place.url, officer, "synthetic")
        erasures = PostgresErasures(acting(place, "anna").url)
        asked = erasures.request_subject(str(UUID(int=1)), *WHY)
        entries: list[LedgerEntry] = []
        done = PostgresErasures(acting(place, "bert").url).approve(asked, str(UUID(int=1)), entries.append)
        assert (done.events, entries) == (2, [done])
        anchor(place)
        assert verify_log(place).holds
        close(acting(place, "anna").url)
        close(acting(place, "bert").url)


def test_the_story_on_the_command_line(place: Installation) -> None:
    inbox = place.settings.inbox / "0180"
    inbox.mkdir(parents=True)
    (inbox / "a.csv").write_text("\n".join([HEADERS, *THREE, ""]), encoding="utf-8")
    (inbox / "a.csv.yml").write_text(SIDECAR.format("referrals", "2025-01-15", "true"), encoding="utf-8")
    anna, bert = (environment(acting(place, login)) for login in ("anna", "bert"))
    assert tracker(environment(place), "ingest").code == 0
    assert tracker_here(bert, "verify").code == 0
    why = ("--reason", WHY[0], "--legal-basis", WHY[1])
    asked = tracker_here(anna, "erase", "request", *why, typed=f"{ten(ALMA)}\n")
    assert (asked.code, "request 1;" in asked.stdout) == (0, True), asked
    refused = tracker_here(anna, "erase", "approve", "1", typed=f"{ALMA}\n")
    assert (refused.code, "cannot approve" in refused.stderr) == (2, True), refused
    assert tracker_here(bert, "erase", "approve", "1", typed="\n").code == 2
    approved = tracker_here(bert, "erase", "approve", "1", typed=f"{ALMA}\n")
    assert (approved.code, "2 events erased under position 8" in approved.stdout) == (0, True), approved
    listed = json.loads(tracker_here(bert, "erase", "list", "--json").stdout)
    assert [(one["requested_by"], one["approved_by"], one["events"]) for one in listed] == [
        ("anna", "bert", 2)
    ]
    told = json.loads(tracker_here(bert, "verify", "--json").stdout)
    assert (told["holds"], told["erased"], told["anchored"]) == (True, 2, 8)
    everything = [asked, refused, approved, tracker_here(bert, "erase", "list")]
    assert not any(n in one.stdout + one.stderr for one in everything for n in (ALMA, ten(ALMA), ALMA[2:]))
    with psycopg.connect(place.url.replace("steward@", "admin@")) as connection:
        connection.execute("ALTER TABLE record.event DISABLE TRIGGER ALL")
        connection.execute("UPDATE record.event SET row_no = 9 WHERE position = 3")
    broken = tracker_here(bert, "verify")
    assert broken.code == 10
    assert "event is not what its commitment was made of" in broken.stdout
    for login in ("anna", "bert"):
        close(acting(place, login).url)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE record.event SET row_no = 2 WHERE position = 1", "still holds something"),
        ("UPDATE record.event SET leaf = sha256('x') WHERE position = 1", "Merkle root"),
        ("UPDATE record.event SET erased_by = 7 WHERE position = 1", "without an erasure that names it"),
        (
            "UPDATE record.event SET body = replace(body, '1-2', '1-4') WHERE position = 8",
            "not what its commitment",
        ),
        ("UPDATE record.event SET body = 'x' WHERE position = 8", "without an erasure that names it"),
        (
            "UPDATE record.event SET salt = NULL, event_type = NULL, kind = NULL, subject_id = NULL, "
            "municipality = NULL, record_type = NULL, fact_id = NULL, version = NULL, replaces = NULL, "
            "occurred_on = NULL, delivery_no = NULL, row_no = NULL, content = NULL, body = NULL, "
            "erased_by = 8 WHERE position = 3",
            "without an erasure that names it",
        ),
    ],
)
def test_tampering_under_cover_of_an_erasure_is_found(place: Installation, change: str, said: str) -> None:
    deliver(place, THREE)
    assert erase(place, ALMA).position == 8
    with psycopg.connect(place.url.replace("steward@", "admin@")) as connection:
        connection.execute("ALTER TABLE record.event DISABLE TRIGGER ALL")
        connection.execute("ALTER TABLE record.event DROP CONSTRAINT erased_whole")
        connection.execute(change.encode())
    assert any(said in problem.what for problem in verify_log(place).problems)

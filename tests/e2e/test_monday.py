"""Monday morning: one page says what needs a hand, and what is over its time goes while what waits stays."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.e2e.canaries import number
from tests.e2e.command import Answer, environment, tracker_here
from tests.e2e.conftest import NewInstallation
from tests.e2e.log_content import content
from tracker.desk import erasure, housekeeping, retention
from tracker.desk.backup import make_backup
from tracker.desk.dismissal import dismiss
from tracker.desk.refresh import check, refresh
from tracker.desk.restore import try_backup
from tracker.desk.status import SILENT_DAYS, status
from tracker.domain.delivery import DeliveryState
from tracker.domain.errors import CheckFailed, NotFound
from tracker.postgres import reading
from tracker.postgres.accounting import problems_of_accounting
from tracker.postgres.engine import close, connect
from tracker.postgres.officers import admit_officer
from tracker.pseudonymise.operator_key import make_operator_key
from tracker.wiring import Installation

HEADERS = "Personnummer;Inkom datum;Aktualiseringstyp;Aktualiserad av;Åtgärd;Åtgärdsdatum"
SIDECAR = (
    "record_type: referrals\nperiod_from: {}\nperiod_to: {}\nextracted_on: {}\nfull: true\nsystem: Procura\n"
)
CHILDREN = [number(date(2009, 1 + n % 12, 1 + n % 28), 980 + n % 20) for n in range(240)]
NOW = datetime.now(UTC)


def rows(month: str, count: int, by: str = "Skola", first: int = 0) -> list[str]:
    return [
        f"{CHILDREN[(first + n) % 240]};{month}-{1 + n % 28:02};Anmälan;{by};Utredning inleds;{month}-28"
        for n in range(count)
    ]


def write(inbox: Path, name: str, lines: list[str], sidecar: str = "") -> None:
    file = inbox / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([HEADERS, *lines, ""]))
    if sidecar:
        file.with_name(f"{file.name}.yml").write_text(sidecar)


YEAR = ("2024-01-01", "2024-12-31", "2025-01-10")
MONTHS = [f"2024-{month:02}" for month in range(1, 13)]


@pytest.fixture(scope="module")
def place(new_installation: NewInstallation, open_directory: Path) -> Installation:
    """Senders of every sort: fine, drifting, held, rejected, with rows in quarantine or unknown wordings."""
    base = open_directory / "monday"
    inbox = base / "inbox"
    steady = [line for month in MONTHS for line in rows(month, 20)]
    write(inbox, "0180/a.csv", steady, SIDECAR.format(*YEAR))
    write(inbox, "0184/a.csv", [line for m in MONTHS[:-1] for line in rows(m, 20)], SIDECAR.format(*YEAR))
    write(
        inbox,
        "1280/a.csv",
        [*steady, "191212121212;2024-13-45;Anmälan;Skola;Utredning inleds;"],
        SIDECAR.format(*YEAR),
    )
    write(
        inbox,
        "1380/a.csv",
        [line for m in MONTHS for line in rows(m, 20, "Grannsamverkan Väst")],
        SIDECAR.format(*YEAR),
    )
    write(inbox, "1480/a.csv", steady, SIDECAR.format(*YEAR))
    (inbox / "1780").mkdir()
    (inbox / "1780" / "trasig.xlsx").write_bytes(b"not a workbook")
    place = new_installation(base / "home")
    assert ingest(place, inbox).code == 3
    again = base / "again"
    write(again, "1480/b.csv", steady[:100], SIDECAR.format(*YEAR[:2], "2025-02-10"))
    assert ingest(place, again).code == 3
    return place


def ingest(place: Installation, inbox: Path) -> Answer:
    return tracker_here(environment(place), "ingest", inbox)


def page(place: Installation) -> dict[str, dict[str, Any]]:
    said = tracker_here(environment(place), "status", "--json")
    assert said.code == 0, said.stderr
    return {line["municipality"]: line for line in json.loads(said.stdout)}


def test_every_sender_has_the_action_that_most_needs_a_hand(place: Installation) -> None:
    told = page(place)
    held = max(d.delivery_no for d in reading.deliveries(place.url) if d.municipality == "1480")
    actions = {code: line["next_action"] for code, line in told.items()}
    rejected, waiting = told["1780"]["last_delivery"], told["1280"]["last_delivery"]
    assert actions == {
        "0180": "",
        "0184": "ask the sender about the drift",
        "1280": f"send the workbook of {waiting}: 1 rows wait",
        "1380": "give codes: tracker codes unmapped",
        "1480": f"confirm or dismiss {held}",
        "1780": f"send the workbook of {rejected}",
    }
    assert told["0180"] | {"last_delivery": 0, "received_on": ""} == {
        "municipality": "0180",
        "name": "Stockholm",
        "record_type": "referrals",
        "covered": ["2024-01-01..2024-12-31"],
        "deliveries": 1,
        "last_delivery": 0,
        "received_on": "",
        "extracted_on": "2025-01-10",
        "outcome": "loaded",
        "rows": 240,
        "quarantined": 0,
        "unmapped": 0.0,
        "drift": [],
        "next_action": "",
    }
    assert told["0184"]["drift"] == ["2024-12: 0 facts where 20 are expected"]
    assert told["1380"]["unmapped"] == pytest.approx(1 / 3, abs=0.1)
    assert told["1480"]["deliveries"] == 2


def test_silence_is_told_in_days(place: Installation) -> None:
    later = {line.municipality: line for line in status(place, NOW.date() + timedelta(days=SILENT_DAYS))}
    assert later["0180"].next_action == f"nothing for {SILENT_DAYS} days"
    assert later["1780"].next_action.startswith("send the workbook")


def test_the_page_is_a_table_and_a_workbook(place: Installation, tmp_path: Path) -> None:
    said = tracker_here(environment(place), "status", "--xlsx", tmp_path / "monday.xlsx")
    assert said.code == 0, said.stderr
    assert "ask the sender about the drift" in said.stdout
    sheet = openpyxl.load_workbook(tmp_path / "monday.xlsx")["Data"]
    lines = list(sheet.iter_rows(values_only=True))
    assert lines[0][:3] == ("municipality", "name", "record_type")
    assert [line[0] for line in lines[1:]] == ["0180", "0184", "1280", "1380", "1480", "1780"]


def test_the_check_of_a_snapshot_tells_drift_and_stops_at_rows_unaccounted_for(
    place: Installation, new_installation: NewInstallation, tmp_path: Path
) -> None:
    assert problems_of_accounting(place.url) == []
    made = refresh(place)
    told = check(place, made.folder)
    assert "0184 referrals: 2024-12: 0 facts where 20 are expected" in told
    assert len(told) == 3
    broken = new_installation(tmp_path / "broken", place.settings.keys)
    write(tmp_path / "inbox", "0180/a.csv", rows("2024-01", 20), SIDECAR.format(*YEAR))
    assert ingest(broken, tmp_path / "inbox").code == 0
    lose_a_row(broken.url)
    assert problems_of_accounting(broken.url) == [
        "delivery 1: 20 rows read, 20 accounted for, 19 in the ledger"
    ]
    with pytest.raises(CheckFailed, match="does not add up"):
        check(broken, refresh(broken).folder)


def lose_a_row(url: str) -> None:
    with connect(url, None) as connection:
        connection.exec_driver_sql("SET LOCAL ROLE tracker_owner")
        connection.exec_driver_sql("ALTER TABLE intake.row_outcome DISABLE TRIGGER append_only")
        connection.exec_driver_sql(
            "DELETE FROM intake.row_outcome WHERE row_no = (SELECT max(row_no) FROM intake.row_outcome)"
        )
        connection.exec_driver_sql("ALTER TABLE intake.row_outcome ENABLE ALWAYS TRIGGER append_only")


# -- dismissing what is held -------------------------------------------------------------------------


def test_what_is_dismissed_is_recorded_and_stays_so_until_somebody_asks(
    old: Installation, tmp_path: Path
) -> None:
    def run(*arguments: object) -> Answer:
        return tracker_here(environment(old), *map(str, arguments))

    before = content(old.url)
    held = reading.deliveries(old.url)[-1].delivery_no
    assert run("dismiss", held, "--reason", " ").code == 2
    assert run("dismiss", held, "--reason", f"fel om {CHILDREN[0]}").code == 2
    assert run("dismiss", 1, "--reason", "fel").code == 2, "it is loaded"
    assert run("dismiss", 999, "--reason", "fel").code == 8
    assert run("dismiss", held, "--reason", "Halva året saknas.").code == 0
    assert run("dismiss", held, "--reason", "Halva året saknas.").code == 2, "it is no longer held"
    assert run("confirm", held).code == 2
    (listed,) = json.loads(run("deliveries", "--state", "dismissed", "--json").stdout)
    assert (listed["no"], listed["type"], listed["state"]) == (held, "referrals", "dismissed")
    assert listed["withdrawn"] > 0
    (said,) = json.loads(run("deliveries", held, "--json").stdout)["findings"]
    assert said["message"].endswith("Halva året saknas.")
    assert page(old)["1480"]["outcome"] == "dismissed"
    assert page(old)["1480"]["next_action"] == f"ask for a new export instead of {held}"
    steady = [line for month in MONTHS for line in rows(month, 20)]
    write(tmp_path / "same", "1480/b.csv", steady[:100], SIDECAR.format(*YEAR[:2], "2025-02-10"))
    assert "nothing new" in ingest(old, tmp_path / "same").stdout
    assert content(old.url) == before, "nothing of it was used"
    assert f"delivery {held}" not in run("quarantine", "retry").stdout
    assert reading.deliveries(old.url, held)[0].dismissed
    assert f"delivery {held}: held" in run("quarantine", "retry", held).stdout
    assert run("confirm", held).code == 0, "somebody thought again"


def test_a_new_export_is_judged_for_itself_after_a_dismissal(old: Installation, tmp_path: Path) -> None:
    held = reading.deliveries(old.url)[-1].delivery_no
    dismiss(held, "Halva året saknas.", old)
    sidecar = SIDECAR.format(*YEAR[:2], "2025-03-10")
    steady = [line for month in MONTHS for line in rows(month, 20)]
    write(tmp_path / "few", "1480/c.csv", steady[:90], sidecar)
    assert ingest(old, tmp_path / "few").code == 3
    assert page(old)["1480"]["next_action"] == f"confirm or dismiss {held + 1}"
    write(tmp_path / "whole", "1480/d.csv", steady, SIDECAR.format(*YEAR[:2], "2025-04-10"))
    assert ingest(old, tmp_path / "whole").code == 0
    dismiss(held + 1, "Halva året saknas.", old)
    assert page(old)["1480"]["next_action"] == "", "a later delivery stands for both"


# -- retention ---------------------------------------------------------------------------------------


def aged(path: Path, days: int) -> None:
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def stored(place: Installation) -> set[str]:
    return set(place.tools()().store.names())


def of(place: Installation, municipality: str) -> list[str]:
    return [d.digest.hex() for d in reading.deliveries(place.url) if d.municipality == municipality]


@pytest.fixture
def old(new_installation: NewInstallation, place: Installation, tmp_path: Path) -> Installation:
    """Everything was delivered 400 days ago: loaded, held, with rows in quarantine, rejected, received."""
    made = new_installation(tmp_path / "home", place.settings.keys)
    monday = place.settings.home.parent
    for inbox in (monday / "inbox", monday / "again"):
        assert ingest(made, inbox).code == 3
    for path in made.settings.store.glob("??/*"):
        aged(path, 400)
    return made


def numbers(place: Installation) -> dict[str, tuple[int, int]]:
    return {one.what: (len(one.paths), one.kept_waiting) for one in retention.due(place, NOW)}


def test_what_waits_stays_and_the_rest_of_its_age_goes(old: Installation) -> None:
    before = stored(old)
    assert numbers(old)["stored files"] == (4, 2)
    dry = tracker_here(environment(old), "retention", "--json")
    assert json.loads(dry.stdout)[0] | {"bytes": 0} == {
        "what": "stored files",
        "number": 4,
        "bytes": 0,
        "waiting": 2,
    }
    assert stored(old) == before, "it only said so"
    assert tracker_here(environment(old), "retention", "--apply").code == 0
    held = of(old, "1480")[1]
    assert stored(old) == {held, *of(old, "1280")}
    assert numbers(old)["stored files"] == (0, 2), "twice is once"
    retention.remove(retention.due(old, NOW, waiting_too=True))
    assert stored(old) == set()
    with pytest.raises(NotFound):
        old.tools()().store.get(held)


def test_what_was_taken_in_and_not_loaded_is_never_removed(old: Installation, tmp_path: Path) -> None:
    from tracker.desk import intake_desk

    write(tmp_path / "new", "0180/new.csv", rows("2025-01", 5))
    intake_desk.take_in(intake_desk.find(tmp_path / "new").files, old, lambda step: None)
    (waiting,) = [d.digest.hex() for d in reading.deliveries(old.url) if d.state is DeliveryState.RECEIVED]
    aged(next(old.settings.store.glob(f"??/{waiting}")), 4000)
    retention.remove(retention.due(old, NOW, waiting_too=True))
    assert stored(old) == {waiting}


def test_a_file_about_somebody_erased_goes_although_it_waits(old: Installation, tmp_path: Path) -> None:
    for officer in ("anna", "bert"):
        admit_officer(old.url, officer, "synthetic")
    child = erasure.Named(CHILDREN[0])
    user = old.url.partition("//")[2].partition("@")[0]
    anna, bert = (
        Installation(old.settings, old.url.replace(user, f"{login}:synthetic")) for login in ("anna", "bert")
    )
    erasure.approve(
        bert, erasure.request_subject(anna, child, "begäran", "GDPR art. 17", NOW.date()), child, NOW.date()
    )
    close(anna.url)
    close(bert.url)
    write(tmp_path / "new", "1280/b.csv", [*rows("2025-01", 2), "191212121212;2025-13-45;Anmälan;Skola;;"])
    ingest(old, tmp_path / "new")
    name = of(old, "1280")[-1]
    assert name in stored(old), "a row of it waits for a mend"
    aged(next(old.settings.store.glob(f"??/{name}")), 366)
    retention.remove(retention.due(old, NOW))
    assert name not in stored(old)


def test_parts_snapshots_and_backups_have_their_time(old: Installation, tmp_path: Path) -> None:
    settings = replace(old.settings, keep_snapshots=2)
    place = Installation(settings, old.url)
    senders = settings.inbox / "0180" / "y.xlsx.part"
    fresh, stale = settings.inbox / "0180" / ".x.part", settings.inbox / "0180" / ".y.part"
    partial = settings.outbox / "0180" / ".aterkoppling-00007.0123abcd.partial.xlsx"
    aborted = settings.snapshots / ".000000000005-ab12"
    for folder in (stale.parent, settings.store / "ab", settings.backups, partial.parent, aborted):
        folder.mkdir(parents=True, exist_ok=True)
    killed = settings.store / "ab" / ".0123.part"
    unfinished = settings.backups / ".20250101T000000Z.77.part"
    for path in (fresh, stale, killed, senders, partial):
        path.write_bytes(b"123")
    unfinished.mkdir()
    (unfinished / "database.dump.sealed").write_bytes(b"12345")
    for path in (stale, killed, unfinished, senders, partial, aborted):
        aged(path, 2)
    for position in (1, 5, 9, 12):
        for suffix in ("", "-flow"):
            (settings.snapshots / f"{position:012d}{suffix}").mkdir(parents=True)
    (settings.snapshots / "of-my-own").mkdir()
    for name, days in {"a": 90, "b": 50, "c": 40}.items():
        (settings.backups / name).mkdir()
        (settings.backups / name / "manifest.json").write_text("{}")
        aged(settings.backups / name / "manifest.json", days)
    found = {one.what: one for one in retention.due(place, NOW)}
    assert {path.name for path in found["left-over parts"].paths} == {
        *(path.name for path in (stale, killed, unfinished, partial, aborted)),
    }
    assert found["left-over parts"].told["bytes"] == 3 + 3 + 5 + 3
    retention.remove(list(found.values()))
    assert fresh.exists() and senders.exists(), "what is written now, and what is a sender's"
    assert not any(path.exists() for path in (stale, killed, partial))
    assert {path.name for path in settings.snapshots.iterdir()} == {
        *("000000000009", "000000000009-flow", "000000000012", "000000000012-flow", "of-my-own"),
    }
    assert [path.name for path in settings.backups.iterdir()] == ["c"], "the newest stays, however old"


# -- the chores of the night -------------------------------------------------------------------------


def test_the_chores_of_the_night(old: Installation, tmp_path: Path) -> None:
    assert housekeeping.expire(old, dry_run=True)[0].startswith("stored files: 4 due, ")
    assert housekeeping.expire(old, dry_run=False)[0].startswith("stored files: 4 removed, ")
    assert "are as recorded" in housekeeping.verify(old)
    assert housekeeping.backup_due(old)
    if not (old.settings.keys / "backup.1.pub").exists():
        make_operator_key(old.settings.keys, tmp_path / "operator.key")
    before = content(old.url)
    told = housekeeping.back_up_and_try(old)
    assert "restored and verified" in told
    assert not housekeeping.backup_due(old)
    assert content(old.url) == before
    (made,) = old.settings.backups.iterdir()
    aged(made / "manifest.json", 7)
    assert housekeeping.backup_due(old)
    with connect(old.url, None) as connection:
        connection.exec_driver_sql("SET LOCAL ROLE tracker_owner")
        connection.exec_driver_sql("ALTER TABLE record.event DISABLE TRIGGER append_only")
        connection.exec_driver_sql("UPDATE record.event SET body = body || ' ' WHERE position = 3")
    with pytest.raises(CheckFailed, match="1 things differ"):
        housekeeping.verify(old)
    made_again = make_backup(old, tmp_path / "tampered", NOW)
    with pytest.raises(CheckFailed, match="not what was recorded"):
        try_backup(old, made_again)

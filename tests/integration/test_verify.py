"""Whoever can change any byte of the log is found out: a superuser changes it, with the triggers off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.command import environment, tracker_here
from tests.integration.guarded import (
    TrustingServer,
    database_on,
    deliver,
    install,
    migrate,
    trusting_server,
)
from tests.log_histories import Row
from tracker.desk.verification import anchor, anchor_restored, rotate_signing, verify_log
from tracker.domain.errors import KeyringError
from tracker.record.anchors import AnchorKind
from tracker.record.commitments import MerkleTree
from tracker.record.sealed_file import Tampered
from tracker.wiring import Installation

FIRST = [Row(1, 0, 5, "stöd", None), Row(2, 1, None, 'sk\\ydd "x"\n', None), Row(None, 2, 6, None, None)]
SECOND = [Row(1, 0, 6, "stöd", None), Row(3, 3, None, None, None)]


@pytest.fixture(scope="module")
def server(open_directory: Path) -> Iterator[TrustingServer]:
    with trusting_server(open_directory / "verify") as running:
        yield running


@pytest.fixture(scope="module")
def recorded(server: TrustingServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Name of a database with three anchored batches and one after, and the home with keys and anchors."""
    home = tmp_path_factory.mktemp("recorded")
    with database_on(server) as name:
        migrate(server, name)
        place = install(server.url(name), home)
        for municipality, rows, day in [("0180", FIRST, 10), ("0184", SECOND, 11), ("0180", SECOND, 12)]:
            deliver(place.url, municipality, rows, day)
            assert anchor(place) is not None
        deliver(place.url, "0184", FIRST, 13)
        migrate(server, name)
        yield name, home


@pytest.fixture
def place(server: TrustingServer, recorded: tuple[str, Path], tmp_path: Path) -> Iterator[Installation]:
    template, home = recorded
    shutil.copytree(home, tmp_path / "home")
    with database_on(server, template) as name:
        yield install(server.url(name), tmp_path / "home")


def tamper(place: Installation, statement: str) -> None:
    with psycopg.connect(place.url.replace("steward@", "admin@")) as connection:
        for table in ("record.event", "record.batch"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
        connection.execute(
            "DO $$ DECLARE one record; BEGIN FOR one IN SELECT conrelid::regclass AS t, conname AS c "
            "FROM pg_constraint WHERE conrelid IN ('record.event'::regclass, 'record.batch'::regclass) "
            "AND contype IN ('c', 'u') LOOP "
            "EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.t, one.c); END LOOP; END $$"
        )
        changed = connection.execute(statement.encode())
        assert changed.rowcount != 0, statement


def places(place: Installation) -> set[tuple[int | None, int | None]]:
    found = verify_log(place)
    assert not found.holds
    return {(problem.batch_no, problem.position) for problem in found.problems}


def test_an_untouched_log_holds(place: Installation) -> None:
    reached: list[tuple[int, int]] = []
    found = verify_log(place, lambda position, last: reached.append((position, last)))
    assert found.holds, found.problems
    assert (found.batches, found.anchors, found.erased) == (4, 3, 0)
    assert found.anchored < found.events == reached[-1][0] == reached[-1][1]


EVENT_CHANGES = {
    "body": "body = replace(body, 'stöd', 'skydd')",
    "body, one byte": "body = body || ' '",
    "content": "content = set_byte(content, 0, 255 - get_byte(content, 0))",
    "salt": "salt = set_byte(salt, 15, 255 - get_byte(salt, 15))",
    "leaf": "leaf = set_byte(leaf, 31, 255 - get_byte(leaf, 31))",
    "subject": "subject_id = '00000000-0000-0000-0000-000000000009'",
    "no subject": "subject_id = NULL",
    "occurred on": "occurred_on = occurred_on + 1",
    "never": "occurred_on = 'infinity'",
    "no day": "occurred_on = NULL",
    "municipality": "municipality = '0114'",
    "municipality gone": "municipality = NULL",
    "record type": "record_type = 'referrals'",
    "event type": "event_type = 'ReferralReceived'",
    "kind": "kind = 'retracted'",
    "fact": "fact_id = gen_random_uuid()",
    "version": "version = version + 1",
    "replaces": "replaces = 1",
    "delivery": "delivery_no = delivery_no + 1",
    "row": "row_no = row_no + 1",
    "batch": "batch_no = batch_no + 1",
    "marked erased": "erased_by = 1",
    "emptied": "salt = NULL, event_type = NULL, kind = NULL, subject_id = NULL, municipality = NULL, "
    "record_type = NULL, fact_id = NULL, version = NULL, replaces = NULL, occurred_on = NULL, "
    "delivery_no = NULL, row_no = NULL, content = NULL, body = NULL, erased_by = 6",
}


@pytest.mark.parametrize("change", EVENT_CHANGES.values(), ids=EVENT_CHANGES.keys())
def test_a_changed_event_is_named(place: Installation, change: str) -> None:
    tamper(place, f"UPDATE record.event SET {change} WHERE position = 2")
    assert any(batch == 1 and position in (2, None) for batch, position in places(place))


def test_an_event_changed_with_its_commitment_is_found_by_its_batch(place: Installation) -> None:
    made = "record.leaf(salt, event_type, kind, subject_id, municipality, record_type, fact_id, version, "
    made += "replaces, occurred_on, delivery_no, row_no, content, '{}')"
    tamper(place, f"UPDATE record.event SET body = '{{}}', leaf = {made} WHERE position = 2")
    assert places(place) == {(1, None)}


def test_a_deleted_event_is_named(place: Installation) -> None:
    tamper(place, "DELETE FROM record.event WHERE position = 2")
    assert (1, 2) in places(place)


def test_the_last_event_deleted_is_named(place: Installation) -> None:
    last = verify_log(place).events
    tamper(place, f"DELETE FROM record.event WHERE position = {last}")
    assert (4, last) in places(place)


def test_events_swapped_are_found(place: Installation) -> None:
    with psycopg.connect(place.url.replace("steward@", "admin@")) as connection:
        connection.execute("ALTER TABLE record.event DISABLE TRIGGER ALL")
        moves = [(1, 1000000), (2, 1), (1000000, 2)]
        for old, new in moves:
            connection.execute(
                "UPDATE record.event SET position = %s, replaces = NULL WHERE position = %s", [new, old]
            )
    assert (1, None) in places(place)


def test_an_event_added_behind_the_last_batch_is_found(place: Installation) -> None:
    last = verify_log(place).events
    tamper(place, f"UPDATE record.event SET position = {last + 5} WHERE position = {last}")
    assert {(4, last), (None, last + 5)} <= places(place)


BATCH_CHANGES = {
    "root": "merkle_root = set_byte(merkle_root, 0, 255 - get_byte(merkle_root, 0))",
    "previous hash": "previous_hash = set_byte(previous_hash, 0, 255 - get_byte(previous_hash, 0))",
    "header hash": "header_hash = set_byte(header_hash, 0, 255 - get_byte(header_hash, 0))",
    "first position": "first_position = first_position + 1",
    "last position": "last_position = last_position - 1",
    "delivery": "delivery_no = delivery_no + 1",
    "recorded at": "recorded_at = recorded_at + interval '1 microsecond'",
    "recorded never": "recorded_at = 'infinity'",
    "number": "batch_no = 20",
}


@pytest.mark.parametrize("change", BATCH_CHANGES.values(), ids=BATCH_CHANGES.keys())
def test_a_changed_header_is_named(place: Installation, change: str) -> None:
    tamper(place, f"UPDATE record.batch SET {change} WHERE batch_no = 2")
    assert any(batch == 2 for batch, _ in places(place))


def test_a_header_made_anew_throughout_is_found_by_the_anchor(place: Installation) -> None:
    """Who rewrites every hash from a batch on still cannot rewrite the anchor."""
    tamper(
        place,
        "DO $$ DECLARE one record.batch; previous bytea; made bytea; BEGIN "
        "UPDATE record.batch SET recorded_at = recorded_at + interval '1 day' WHERE batch_no = 2; "
        "SELECT header_hash INTO previous FROM record.batch WHERE batch_no = 1; "
        "FOR one IN SELECT * FROM record.batch WHERE batch_no > 1 ORDER BY batch_no LOOP "
        "made := record.header_hash(one.batch_no, one.first_position, one.last_position, one.delivery_no, "
        "one.merkle_root, previous, one.recorded_at); "
        "UPDATE record.batch SET previous_hash = previous, header_hash = made "
        "WHERE batch_no = one.batch_no; previous := made; END LOOP; END $$",
    )
    assert places(place) == {(2, None), (3, None)}


def test_deleted_batches_under_an_anchor_are_missed(place: Installation) -> None:
    tamper(place, "DELETE FROM record.batch WHERE batch_no >= 3")
    assert (3, None) in places(place)
    tamper(place, "DELETE FROM record.event WHERE batch_no >= 3")
    assert places(place) == {(3, None)}


def test_a_batch_deleted_in_the_middle_is_named(place: Installation) -> None:
    tamper(place, "DELETE FROM record.batch WHERE batch_no = 2")
    assert (2, None) in places(place)


def test_batches_swapped_are_found(place: Installation) -> None:
    for old, new in [(1, 99), (2, 1), (99, 2)]:
        tamper(place, f"UPDATE record.batch SET batch_no = {new} WHERE batch_no = {old}")
    assert {(1, None), (2, None)} <= places(place)


def test_functions_changed_in_the_database_deceive_nobody(place: Installation) -> None:
    tamper(place, "UPDATE record.event SET body = '{}' WHERE position = 2")
    tamper(
        place,
        "CREATE OR REPLACE FUNCTION record.merkle_root(first_position bigint, last_position bigint) RETURNS "
        "bytea LANGUAGE sql AS $$ SELECT b.merkle_root FROM record.batch b LIMIT 1 $$",
    )
    assert (1, 2) in places(place)


# -- the anchor file ---------------------------------------------------------------------------------


def heads(place: Installation) -> Path:
    return place.settings.anchors / "heads.jsonl"


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_changed_anchor_is_found(place: Installation, line: int) -> None:
    lines = heads(place).read_text().splitlines()
    told = json.loads(lines[line])
    lines[line] = json.dumps(told | {"position": told["position"] + 1}, sort_keys=True)
    heads(place).write_text("\n".join(lines) + "\n")
    found = verify_log(place)
    assert f"line {line + 1}" in found.problems[0].what


def test_an_anchor_taken_out_is_found(place: Installation) -> None:
    lines = heads(place).read_text().splitlines()
    heads(place).write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert "line 2 does not follow" in verify_log(place).problems[0].what


def test_an_anchor_of_another_key_is_found(place: Installation, tmp_path: Path) -> None:
    for name in ("sign.1.key", "sign.1.pub"):
        (place.settings.keys / name).unlink()
    kept = heads(place).read_bytes()
    heads(place).unlink()
    anchor(place)  # makes another key
    heads(place).write_bytes(kept)
    assert "not signed by the key" in verify_log(place).problems[0].what


def test_a_log_without_anchors_does_not_pass(place: Installation) -> None:
    heads(place).unlink()
    assert [problem.what for problem in verify_log(place).problems] == [
        "no head of this log is anchored; run: tracker anchor"
    ]


def test_a_tampered_log_is_not_anchored(place: Installation) -> None:
    tamper(place, "UPDATE record.batch SET header_hash = sha256('x') WHERE batch_no = 3")
    with pytest.raises(Tampered, match="batch 3"):
        anchor(place)


def test_anchoring_twice_adds_one_line(place: Installation) -> None:
    before = len(heads(place).read_text().splitlines())
    assert anchor(place) is not None
    assert anchor(place) is None
    assert len(heads(place).read_text().splitlines()) == before + 1


def test_a_line_cut_short_by_a_crash_is_passed_over_and_written_over(place: Installation) -> None:
    with heads(place).open("ab") as file:
        file.write(b'{"batch_no": 4, "pos')
    assert verify_log(place).holds
    assert anchor(place) is not None
    assert verify_log(place).anchors == 4


def test_the_secret_that_is_gone_is_not_replaced(place: Installation) -> None:
    (place.settings.keys / "sign.1.key").unlink()
    assert verify_log(place).holds  # checking needs the public half alone
    with pytest.raises(KeyringError, match=r"sign\.1\.key is missing"):
        anchor(place)


def test_heads_hold_before_and_after_the_signing_key_is_rotated(place: Installation) -> None:
    secret = (place.settings.keys / "sign.1.key").read_text()
    answer = tracker_here(environment(place), "key", "rotate-signing")
    assert answer.code == 0, answer.stderr
    assert "signing key version 2" in answer.stdout
    assert not (place.settings.keys / "sign.1.key").exists()
    assert verify_log(place).holds and verify_log(place).anchors == 3
    assert anchor(place) is not None
    assert verify_log(place).holds and verify_log(place).anchors == 4
    (place.settings.keys / "sign.2.pub").unlink()  # back to the key somebody had copied
    (place.settings.keys / "sign.1.key").write_text(secret)
    assert "line 4 is not signed" in verify_log(place).problems[0].what


def test_a_new_signing_key_does_not_lend_a_changed_log_a_good_name(place: Installation) -> None:
    tamper(place, "UPDATE record.batch SET header_hash = sha256('x') WHERE batch_no = 3")
    with pytest.raises(Tampered, match="batch 3"):
        rotate_signing(place)
    assert not (place.settings.keys / "sign.2.pub").exists()


def test_a_restored_log_is_anchored_where_it_ends(place: Installation) -> None:
    tamper(place, "DELETE FROM record.batch WHERE batch_no >= 3")
    tamper(place, "DELETE FROM record.event WHERE batch_no >= 3")
    assert anchor_restored(place).kind is AnchorKind.RESTORED
    assert verify_log(place).holds
    assert verify_log(place).anchors == 2


def test_a_log_that_was_another_cannot_be_called_restored(place: Installation) -> None:
    tamper(place, "UPDATE record.batch SET header_hash = sha256('x') WHERE batch_no = 2")
    with pytest.raises(Tampered, match="batch 2"):
        anchor_restored(place)


@pytest.mark.parametrize("count", range(1, 20))
def test_the_tree_is_the_databases(place: Installation, count: int) -> None:
    tree = MerkleTree()
    with psycopg.connect(place.url.replace("steward@", "admin@")) as connection:
        for (leaf,) in connection.execute(
            "SELECT leaf FROM record.event ORDER BY position LIMIT %s", [count]
        ).fetchall():
            tree.add(leaf)
        root = connection.execute("SELECT record.merkle_root(1, %s)", [count]).fetchone()
    assert root is not None
    assert tree.root() == root[0]

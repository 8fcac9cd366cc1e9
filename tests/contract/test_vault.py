"""What every vault keeps to: the one in memory and the one in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tracker.domain.errors import KeyringError, NotFound
from tracker.postgres.engine import Role, StatementRefused, connect
from tracker.postgres.vault import PostgresVault
from tracker.pseudonymise.keyring import IdentityKeys, Keyring, Purpose
from tracker.pseudonymise.national_id import IdKind, LocalId
from tracker.pseudonymise.vault import HashedId, MemoryVault, SubjectRef, SubjectState, Vault

Opener = Callable[[IdentityKeys], Vault]


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keys")


@pytest.fixture(params=["memory", "postgres"])
def opener(request: pytest.FixtureRequest, keyring: Keyring) -> Opener:
    """Opens one and the same vault under given keys."""
    if request.param == "memory":
        return MemoryVault(keyring.identities).open_with
    url = request.getfixturevalue("database")
    return lambda keys: PostgresVault(url, keys)


@pytest.fixture
def vault(opener: Opener, keyring: Keyring) -> Vault:
    return opener(keyring.identities)


def hashed(keys: IdentityKeys, *names: str, kind: IdKind = IdKind.PNR) -> list[HashedId]:
    return [HashedId(keys.hash(LocalId(name), "0180", ""), kind) for name in names]


def ids_of(refs: Sequence[SubjectRef | None]) -> list[str | None]:
    return [ref.subject_id if ref else None for ref in refs]


def test_a_subject_is_made_once_and_found_again_in_order(vault: Vault, keyring: Keyring) -> None:
    a, b, c = hashed(keyring.identities, "a", "b", "c")
    first = vault.subjects_for([a, b, a], "0180")
    assert first[0] == first[2] != first[1]
    assert UUID(first[0].subject_id or "").version == 4
    assert vault.subjects_for([c, b, a], "1480")[1:] == [first[1], first[0]]
    assert vault.lookup([b]) == [first[1]]
    assert vault.subjects_for([], "0180") == []


def test_lookup_makes_nothing(vault: Vault, keyring: Keyring) -> None:
    (a,) = hashed(keyring.identities, "a")
    assert vault.lookup([a]) == [None]
    assert vault.lookup([a]) == [None]


def test_subject_ids_say_nothing_of_the_hash(opener: Opener, keyring: Keyring) -> None:
    (a,) = hashed(keyring.identities, "a")
    made = opener(keyring.identities).subjects_for([a], "0180")
    again = MemoryVault(keyring.identities).subjects_for([a], "0180")
    assert made != again


def test_an_erased_subject_is_recognised_and_never_comes_back(vault: Vault, keyring: Keyring) -> None:
    a, b = hashed(keyring.identities, "a", "b")
    subject = vault.subjects_for([a, b], "0180")[0].subject_id
    assert subject is not None
    vault.erase(subject)
    gone = SubjectRef(None, SubjectState.ERASED)
    assert vault.subjects_for([a], "0180") == [gone]
    assert vault.lookup([a]) == [gone]
    assert vault.lookup([b])[0] != gone
    with pytest.raises(NotFound):
        vault.erase(subject)
    with pytest.raises(NotFound):
        vault.erase(str(uuid4()))


def test_rotation_keeps_every_link_without_the_numbers(opener: Opener, keyring: Keyring) -> None:
    names = [f"child {number}" for number in range(50)]
    old = keyring.identities
    before = opener(old).subjects_for(hashed(old, *names), "0180")
    erased = before[7].subject_id
    assert erased is not None
    opener(old).erase(erased)
    new = keyring.rotate(Purpose.ID).rotate(Purpose.ID).identities
    assert opener(new).rotate() == 50
    assert opener(new).rotate() == 0
    after = opener(new).subjects_for(hashed(new, *names), "0180")
    assert after[7].state is SubjectState.ERASED
    assert [ref for place, ref in enumerate(after) if place != 7] == before[:7] + before[8:]
    with pytest.raises(KeyringError):
        opener(old).subjects_for(hashed(old, "child 1"), "0180")


def test_new_keys_wait_for_rotation(opener: Opener, keyring: Keyring) -> None:
    opener(keyring.identities).subjects_for(hashed(keyring.identities, "a"), "0180")
    newer = keyring.rotate(Purpose.ID).identities
    with pytest.raises(KeyringError, match="tracker key rotate"):
        opener(newer).subjects_for(hashed(newer, "a"), "0180")


def test_other_keys_are_refused_before_they_make_anyone_new(
    opener: Opener, keyring: Keyring, tmp_path: Path
) -> None:
    opener(keyring.identities).subjects_for(hashed(keyring.identities, "a"), "0180")
    other = Keyring.create(tmp_path / "other").identities
    with pytest.raises(KeyringError, match="right keys"):
        opener(other).subjects_for(hashed(other, "a"), "0180")
    with pytest.raises(KeyringError, match="right keys"):
        opener(other).rotate()


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_vaults_join_the_same_deliveries(
    database: str, keyring: Keyring, deliveries: list[list[str]]
) -> None:
    salt = uuid4().hex  # each example meets identities of its own
    keys = keyring.identities
    vaults: list[Vault] = [MemoryVault(keys), PostgresVault(database, keys)]
    answers = [
        [
            ref.subject_id
            for names in deliveries
            for ref in vault.subjects_for(hashed(keys, *(salt + name for name in names)), "0180")
        ]
        for vault in vaults
    ]
    same = [[a == b for a in answer for b in answer] for answer in answers]
    assert same[0] == same[1]


def test_loaders_at_once_agree(database: str, keyring: Keyring) -> None:
    keys = keyring.identities
    ids = hashed(keys, *(f"child {number}" for number in range(3000)))

    def load(worker: int) -> dict[bytes, str | None]:
        order = ids if worker % 2 else ids[::-1]
        refs = PostgresVault(database, keys).subjects_for(order, "0180")
        return dict(zip((one.id_hmac for one in order), ids_of(refs), strict=True))

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(load, range(6)))
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == len(ids)


def test_rotation_resumes_after_a_crash(
    database: str, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.postgres.vault.BATCH", 10)
    old = keyring.identities
    names = [f"child {number}" for number in range(25)]
    before = PostgresVault(database, old).subjects_for(hashed(old, *names), "0180")
    new = keyring.rotate(Purpose.ID).identities
    vault = PostgresVault(database, new)
    vault._announce()
    assert vault._renew_batch() == 10  # … and here the process died
    for keys in (old, new):
        with pytest.raises(KeyringError):
            PostgresVault(database, keys).subjects_for(hashed(keys, "child 1"), "0180")
    assert PostgresVault(database, new).rotate() == 15
    assert PostgresVault(database, new).subjects_for(hashed(new, *names), "0180") == before


def test_numbers_belong_to_no_municipality_and_local_ids_to_one(database: str, keyring: Keyring) -> None:
    keys = keyring.identities
    numbers, locals_ = hashed(keys, "a"), hashed(keys, "b", kind=IdKind.LOCAL)
    PostgresVault(database, keys).subjects_for(numbers + locals_, "0180")
    with connect(database, Role.VAULT) as connection:
        rows = connection.execute(text("SELECT kind, municipality FROM vault.subject")).fetchall()
    assert {tuple(row) for row in rows} == {("pnr", ""), ("local", "0180")}


def test_the_vault_role_deletes_nothing(database: str) -> None:
    for statement in ("DELETE FROM vault.subject", "TRUNCATE vault.subject", "DROP TABLE vault.subject"):
        with pytest.raises(StatementRefused), connect(database, Role.VAULT) as connection:
            connection.execute(text(statement))


def test_no_identity_reaches_the_database(database: str, keyring: Keyring) -> None:
    canary = "CANARY-" + uuid4().hex
    keys = keyring.identities
    PostgresVault(database, keys).subjects_for(hashed(keys, canary), "0180")
    with psycopg.connect(database, options="-c role=tracker_vault") as connection:
        rows = connection.execute("SELECT subject::text FROM vault.subject").fetchall()
    assert canary not in str(rows)
    assert canary.encode().hex() not in str(rows)
